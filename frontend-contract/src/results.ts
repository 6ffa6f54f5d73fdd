/** Telling the members of result unions apart, and the codes of errors that may happen anywhere. */

export interface Member {
  readonly __typename: string;
}

/** The members of a result union that mean success, e.g. `QueueJoinSuccess`. */
export type Success<Result extends Member> = Extract<Result, { readonly __typename: `${string}Success` }>;

/** Whether a mutation did what it was asked; otherwise the result is a refusal with a `message`. */
export function succeeded<Result extends Member>(result: Result): result is Success<Result> {
  return result.__typename.endsWith("Success");
}

/** `extensions.code` of errors that may happen anywhere. */
export type ErrorCode =
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "BAD_USER_INPUT"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "INTERNAL"
  | "GRAPHQL_PARSE_FAILED"
  | "GRAPHQL_VALIDATION_FAILED";

export interface CodedError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/** The code of the first error that has one. */
export function codeOf(errors: readonly CodedError[]): ErrorCode | undefined {
  const code = errors.map((error) => error.extensions?.["code"]).find((each) => typeof each === "string");
  return code as ErrorCode | undefined;
}

/** An answer with errors instead of data, for callers that do not use Apollo Client. */
export class GraphQLFailure extends Error {
  override name = "GraphQLFailure";
  readonly errors: readonly CodedError[];

  constructor(errors: readonly CodedError[]) {
    super(errors.map((error) => error.message).join(" "));
    this.errors = errors;
  }

  get code(): ErrorCode | undefined {
    return codeOf(this.errors);
  }

  /** Quote it when you report the error. */
  get requestId(): string | undefined {
    const id = this.errors[0]?.extensions?.["requestId"];
    return typeof id === "string" ? id : undefined;
  }
}
