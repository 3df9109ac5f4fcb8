/**
 * What a row of the route table says. The router derives the rest from it: matching, methods, authentication, limits, body
 * validation, OpenAPI, metrics and the log line of a refusal.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Caller, Scope } from './access/caller.ts'

/** One request on its way through a route. */
export interface RequestContext<Input = unknown> {
  req: IncomingMessage
  res: ServerResponse
  /** The path parameters, decoded. */
  params: Readonly<Record<string, string>>
  /** Who sends the request, and what they may do. */
  caller: Caller
  /** The validated query or body; undefined for a route without either. */
  input: Input
}

export interface BodyOptions<Input> {
  schema: z.ZodType<Input>
  /** For a body that is a JSON array. It may have 1 MiB. */
  batch?: z.ZodType<Input>
  /** The largest body that is not an array, in bytes. 16 KiB by default. */
  maxBytes?: number
}

export interface Route<Input = unknown> {
  /** A GET route also answers HEAD, unless it is a stream. */
  method: 'GET' | 'POST' | 'DELETE'
  /** Segments such as `:room` are parameters. */
  path: string
  /** What the route does, for OpenAPI. A route without a summary is left out of it. */
  summary?: string
  /** Path parameters that the path does not contain. */
  defaults?: Readonly<Record<string, string>>
  /** The scope that a token needs. A route without one is open to everyone, also while the server drains. */
  permission?: Scope
  /** Validates the query. */
  query?: z.ZodType<Input>
  /** The request headers that the handler reads, for OpenAPI. An `event-source` also reads `Last-Event-ID`. */
  headers?: Readonly<Record<string, z.ZodType>>
  /** The response headers of a success and their descriptions, for OpenAPI, without those such as `Content-Type`. */
  answerHeaders?: Readonly<Record<string, string>>
  /** Validates the JSON body. */
  body?: BodyOptions<Input>
  /** The collaborators that the request acts for. The router checks each against the caller's token. */
  actsFor?(context: RequestContext<Input>): readonly (string | undefined)[]
  /** Counts the request. Throws a `Problem` when it exceeds a limit. */
  limit?(context: RequestContext<Input>): Promise<void> | void
  /** Answers the request, or throws a `Problem`. */
  handler(context: RequestContext<Input>): Promise<void> | void
  /**
   * What a success is: JSON, plain text, an event stream, or no content. `event-source` is a stream that browsers open with
   * EventSource, which never reconnects after a status other than 200. So a 503 becomes a stream that only says when to retry.
   */
  answer: 'json' | 'text' | 'nothing' | 'event-stream' | 'event-source'
  /** Whether the stream has an end, after which a reconnection is answered 204. */
  hasEnd?: true
  /** Whether the stream is broken off when it ends early, so that no client takes it for complete. */
  breaksOff?: true
}

/** Checks a row's types. The table itself holds rows with different inputs. */
export function route<Input>(row: Route<Input>): Route {
  return row as Route
}

export function isStream({ answer }: Route): boolean {
  return answer === 'event-stream' || answer === 'event-source'
}
