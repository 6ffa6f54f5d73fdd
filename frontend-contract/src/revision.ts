/** Which of two states is newer. HTTP and the socket overtake each other; revisions tell. */

/** What carries a revision: a session (with `queueId`), a queue, or a queue on a display. */
export interface Revised {
  readonly id: string;
  readonly revision: number;
  readonly queueId?: string;
}

/**
 * Whether `next` is to take the place of `previous`.
 *
 * Revisions grow by 1 with every change of one queue, so they compare within a queue only: for another object, or a
 * session that both say is in another queue now, `next` wins. Equal revisions: `next` wins as well, it is the later
 * word about the same moment.
 *
 * For answers that may have been overtaken. Items of one subscription come in order: take them as they come.
 */
export function isNewer(previous: Revised | null | undefined, next: Revised): boolean {
  if (previous === null || previous === undefined || previous.id !== next.id) return true;
  if (previous.queueId !== undefined && next.queueId !== undefined && previous.queueId !== next.queueId) return true;
  return next.revision >= previous.revision;
}

/** The newer of two states: `setSession((shown) => newest(shown, answered))`. */
export function newest<Previous extends Revised, Next extends Revised>(
  previous: Previous | null | undefined,
  next: Next,
): Previous | Next {
  return isNewer(previous, next) ? next : (previous ?? next);
}
