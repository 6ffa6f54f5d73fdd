/** What the waiting page asks of the API: operations of the public schema, as any front-end may send them. */

const QUEUE = `query WaitingRoom($id: ID!) { queue(id: $id) {
  name status announcement nextOpeningAt siteOrigins } }`;
const JOIN = `mutation WaitingRoomJoin($input: QueueJoinInput!) { queueJoin(input: $input) { __typename
  ... on QueueJoinSuccess { sessionToken session { id } }
  ... on QueueNotOpenError { queueStatus nextOpeningAt refusalMessage } ... on InvitationRequiredError { refusalMessage }
  ... on QueueFullError { waitingCount } ... on UserError { message } } }`;
const PLACE = "status onHold position aheadCount estimatedWaitSeconds ticketNumber revision cancelledBy startedAt queue { name status announcement }";
const SESSION = `query WaitingRoomPlace($id: ID!) { session(id: $id) { ${PLACE} admission { token state } } }`;
const CHANGED = `subscription WaitingRoomChanged($id: ID!) {
  sessionChanged(sessionId: $id, maxPerSecond: 2) { ${PLACE} } }`;
const ADMITTED = "subscription WaitingRoomAdmitted($id: ID!) { admissionChanged(sessionId: $id) { token state } }";
const LEAVE = `mutation WaitingRoomLeave($id: ID!) { sessionCancel(input: {sessionId: $id}) { __typename
  ... on UserError { message } } }`;
const GIVE_BACK = `mutation WaitingRoomGiveBack { admissionLeave(input: {}) { __typename
  ... on UserError { message } } }`;
