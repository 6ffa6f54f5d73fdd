// The fan-out's reference servers in Node, each doing the same work: one event, N personalised updates.
//
// --as=ws           ws, frames made before the event and written to the sockets: no GraphQL at all
// --as=graphql-ws   graphql-ws on ws, graphql-js executing for every subscriber
// --as=graphql-jit  the same, the document compiled once by graphql-jit
// --as=mercurius    Fastify and Mercurius
//
// None has a database, authentication, heartbeat or back-pressure. `POST /prepare` makes the next event (and, for ws,
// its frames), `POST /wave` tells everybody.
"use strict";

const http = require("node:http");

const given = Object.fromEntries(process.argv.slice(2).map((each) => each.replace(/^--/, "").split("=")));
const ahead = Number(given.ahead ?? 0);
const watching = new Map();
let wave = 0;

// Another socket may have the place by now.
const leave = (place, tell) => {
  if (watching.get(place) === tell) watching.delete(place);
};

const session = (place) => {
  const position = ahead + place + 1 - wave;
  return {
    ticketNumber: `A${String(ahead + place + 1).padStart(5, "0")}`,
    status: "WAITING",
    position,
    aheadCount: position - 1,
    estimatedWaitSeconds: null,
    revision: wave + 2,
  };
};

const SCHEMA = `
  enum SessionStatus { WAITING CALLED SERVING }
  type Session {
    ticketNumber: String!
    status: SessionStatus!
    position: Int
    aheadCount: Int
    estimatedWaitSeconds: Int
    revision: Int!
  }
  type Query { name: String }
  type Subscription { sessionChanged(sessionId: ID!): Session! }
`;

// A generator per subscriber, as the documentation of all three shows it. A hand-written iterator is no faster.
async function* states(place) {
  const waiting = [session(place)];
  let wake = null;
  const tell = () => {
    waiting.push(session(place));
    if (wake) wake();
  };
  watching.set(place, tell);
  try {
    for (;;) {
      while (waiting.length) yield { sessionChanged: waiting.shift() };
      await new Promise((resolve) => (wake = resolve));
      wake = null;
    }
  } finally {
    leave(place, tell);
  }
}

// graphql-jit hands the operation's variables to `subscribe`, where the others hand the field's arguments.
const subscribe = (_, { sessionId, id }) => states(Number(sessionId ?? id));
const resolvers = { Subscription: { sessionChanged: { subscribe } } };

const control = (request, response) => {
  if (request.url === "/prepare") {
    if (given.as === "ws") prepare();
  } else if (request.url === "/wave") {
    if (given.as !== "ws") wave++;
    for (const tell of watching.values()) tell();
  }
  response.setHeader("content-type", "application/json");
  response.end("{}");
};

const ready = new Map();
const message = (place) => JSON.stringify({ id: "1", type: "next", payload: { data: { sessionChanged: session(place) } } });
const prepare = () => {
  const { Sender } = require("ws");
  wave++;
  for (const place of watching.keys()) {
    const options = { fin: true, opcode: 1, mask: false, readOnly: true, rsv1: false };
    ready.set(place, Buffer.concat(Sender.frame(Buffer.from(message(place)), options)));
  }
};

const serveFrames = (server) => {
  const { WebSocketServer } = require("ws");
  const sockets = new WebSocketServer({ server, path: "/graphql", handleProtocols: () => "graphql-transport-ws" });
  sockets.on("connection", (socket, request) => {
    socket.on("message", (data) => {
      const said = JSON.parse(data);
      if (said.type === "connection_init") socket.send('{"type":"connection_ack"}');
      else if (said.type === "subscribe") {
        const place = Number(said.payload.variables.id);
        // The whole frame goes to the TCP socket, past the library's own sending: the cheapest that Node can do.
        const tell = () => request.socket.write(ready.get(place));
        watching.set(place, tell);
        socket.on("close", () => leave(place, tell));
        socket.send(message(place));
      }
    });
  });
};

const serveGraphQL = (server, isCompiled) => {
  const { buildSchema, parse, validate } = require("graphql");
  const { WebSocketServer } = require("ws");
  const { useServer } = require("graphql-ws/use/ws");
  const schema = buildSchema(SCHEMA);
  schema.getSubscriptionType().getFields().sessionChanged.subscribe = subscribe;
  const documents = new Map();
  const known = (query) => {
    if (!documents.has(query)) {
      const document = parse(query);
      const errors = validate(schema, document);
      if (errors.length) throw errors[0];
      const compiled = isCompiled ? require("graphql-jit").compileQuery(schema, document) : null;
      documents.set(query, { document, compiled });
    }
    return documents.get(query);
  };
  const options = {
    schema,
    // Parsed and validated once, as a server that cares would.
    onSubscribe: (_, __, payload) => ({
      schema,
      document: known(payload.query).document,
      variableValues: payload.variables,
      query: payload.query,
    }),
  };
  if (isCompiled)
    options.subscribe = (args) => known(args.query).compiled.subscribe(undefined, undefined, args.variableValues);
  useServer(options, new WebSocketServer({ server, path: "/graphql" }), 0);
};

const serveMercurius = async () => {
  const { createServer } = http;
  let server;
  const app = require("fastify")({
    serverFactory: (handler) =>
      (server = createServer((request, response) =>
        request.method === "POST" || request.url.startsWith("/health") ? control(request, response) : handler(request, response),
      )),
  });
  app.register(require("mercurius"), { schema: SCHEMA, resolvers, subscription: true });
  await app.ready();
  return server;
};

const main = async () => {
  const server = given.as === "mercurius" ? await serveMercurius() : http.createServer(control);
  if (given.as === "ws") serveFrames(server);
  else if (given.as === "graphql-ws") serveGraphQL(server, false);
  else if (given.as === "graphql-jit") serveGraphQL(server, true);
  server.listen({ fd: Number(given.fd) });
};

main();
