/** Which of two states is newer. HTTP and the socket overtake each other; revisions tell. */

/** What carries a revision: a session (with its queue), a queue, or a queue on a display. */
export interface Revised {
  readonly id: string;
  readonly revision: number;
  readonly queue?: { readonly id: string };
}

/**
 * Whether `next` is to take the place of `previous`.
 *
 * Revisions grow by 1 with every change of one queue, so they compare within a queue only: after a transfer, or for
 * another object, `next` wins. Equal revisions: `next` wins as well, it is the later word about the same moment.
 */
export function isNewer(previous: Revised | null | undefined, next: Revised): boolean {
  if (previous === null || previous === undefined) return true;
  if (previous.id !== next.id || queueOf(previous) !== queueOf(next)) return true;
  return next.revision >= previous.revision;
}

/** The newer of two states: `setSession((shown) => newest(shown, arrived))`. */
export function newest<T extends Revised>(previous: T | null | undefined, next: T): T {
  return isNewer(previous, next) ? next : (previous ?? next);
}

function queueOf(state: Revised): string {
  return state.queue?.id ?? state.id;
}
