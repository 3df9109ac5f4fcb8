/**
 * Serves the route table: every request, whatever its route, passes the same steps in the same order.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Authenticate, authorize, authorizeUser } from './access/access.ts'
import { everyone } from './access/caller.ts'
import { check, readBody, readQuery } from './body.ts'
import { answerCors } from './cors.ts'
import { isOnEventStream, retryLater } from './event-stream.ts'
import { roomSchema, userSchema } from './fields.ts'
import { createMatcher, type Match } from './match.ts'
import { type Metrics, unmatchedRoute } from './metrics.ts'
import { type IsAllowedOrigin, refuseOtherHosts } from './origin.ts'
import { Problem, problemOf, sendProblem, unavailable } from './problem.ts'
import type { RefusalLog } from './refusal-log.ts'
import { writeHead } from './response.ts'
import type { RequestContext, Route } from './route.ts'

export interface RouterOptions {
  authenticate: Authenticate
  isAllowedOrigin: IsAllowedOrigin
  /** Whether only loopback host names are answered. */
  isLoopbackOnly: boolean
  metrics: Metrics
  refusals: RefusalLog
}

/** Calls `next` for a path that is not in the table; without `next`, that is a 404. */
export type Handler = (req: IncomingMessage, res: ServerResponse, next?: () => void) => void

const paramSchemas = { room: roomSchema, user: userSchema }

export class Router {
  readonly #match: (path: string) => Match[]
  readonly #options: RouterOptions
  readonly #unanswered = new Set<ServerResponse>()
  #isDraining = false
  #isClosed = false
  #onIdle = () => {}

  constructor(routes: readonly Route[], options: RouterOptions) {
    this.#match = createMatcher(routes)
    this.#options = options
  }

  readonly handler: Handler = (req, res, next) => {
    if (!isOnEventStream(req)) void this.#serve(req, res, next)
  }

  /** From now on each response is the last on its connection, and requests that read or change a log are refused. */
  drain(): void {
    this.#isDraining = true
    for (const res of this.#unanswered) res.shouldKeepAlive = false
  }

  /** From now on every request is refused. */
  close(): void {
    this.#isClosed = true
  }

  /** Resolves when no request is being answered. */
  async idle(): Promise<void> {
    if (this.#unanswered.size === 0) return
    await new Promise<void>(resolve => {
      this.#onIdle = resolve
    })
  }

  async #serve(req: IncomingMessage, res: ServerResponse, next: (() => void) | undefined): Promise<void> {
    const startedAt = performance.now()
    if (this.#isDraining) res.shouldKeepAlive = false
    this.#unanswered.add(res)
    let route: Route | undefined
    /** For the metrics. Undefined: the request is the host application's. */
    let counted: string | undefined = unmatchedRoute
    try {
      const url = originForm(req.url)
      if (url !== req.url) req.url = url
      const matches = this.#match(pathOf(url))
      if (matches.length === 0 && next) {
        counted = undefined
        return next()
      }
      counted = pathOfFirst(matches) ?? unmatchedRoute
      if (this.#isClosed) throw unavailable('The server has shut down.', { refusal: 'draining' })
      if (this.#options.isLoopbackOnly) refuseOtherHosts(req)
      if (answerCors(req, res, this.#options.isAllowedOrigin)) return
      const method = req.method ?? ''
      const match = matches.find(({ routes }) => routes.has(method))
      route = match?.routes.get(method)
      if (route) counted = route.path
      if (match && route) await this.#answer(route, match.params, req, res)
      else answerOtherMethod(method, matches, res)
    } catch (error) {
      this.#answerError(error, route, req, res)
    } finally {
      this.#unanswered.delete(res)
      if (this.#unanswered.size === 0) this.#onIdle()
      if (counted !== undefined) {
        this.#options.metrics.onRequest(counted, res.statusCode, performance.now() - startedAt)
      }
    }
  }

  async #answer(route: Route, params: Match['params'], req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { permission, query, body, actsFor, limit, handler } = route
    const context: RequestContext = {
      req,
      res,
      params: route.defaults ? { ...route.defaults, ...params } : params,
      caller: everyone,
      input: undefined,
    }
    if (permission) context.caller = await this.#options.authenticate(req)
    checkParams(context.params)
    if (permission) {
      authorize(context.caller, permission, context.params.room)
      if (this.#isDraining && permission !== 'metrics')
        throw unavailable('The server is shutting down. Send the request again.', { refusal: 'draining' })
    }
    if (body) context.input = await readBody(req, body)
    else if (query) context.input = readQuery(req, query)
    if (actsFor) for (const user of actsFor(context)) authorizeUser(context.caller, user)
    await limit?.(context)
    await handler(context)
  }

  #answerError(error: unknown, route: Route | undefined, req: IncomingMessage, res: ServerResponse): void {
    const { metrics, refusals } = this.#options
    const problem = problemOf(error)
    refusals.add(problem, route, req)
    if (res.headersSent) res.destroy()
    else if (route?.answer === 'event-source' && problem.status === 503) {
      metrics.onStreamRefused(problem.refusal)
      retryLater(res, route.breaksOff)
    } else {
      metrics.onProblem(problem.status)
      sendProblem(res, problem)
    }
  }
}

/** The target without an origin before it, as clients send it to a proxy (RFC 9112, section 3.2.2). */
function originForm(url = '/'): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*\/?/i, '/')
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

/** The table's path of a request that is refused before its route is known, or that only asks for the methods. */
function pathOfFirst([first]: Match[]): string | undefined {
  return first?.routes.values().next().value?.path
}

function checkParams(params: Readonly<Record<string, string>>): void {
  for (const name of ['room', 'user'] as const) {
    const value = params[name]
    if (value !== undefined) check(paramSchemas[name], value, `The ${name} in the path is not valid. See "errors".`)
  }
}

/** OPTIONS says which methods there are (RFC 9110, section 9.3.7); any other method that the path lacks is a 405. */
function answerOtherMethod(method: string, matches: Match[], res: ServerResponse): void {
  if (matches.length === 0) throw new Problem(404, 'There is nothing at this path. /openapi.json lists the paths.')
  const methods = new Set(matches.flatMap(({ routes }) => [...routes.keys()]))
  const allow = [...methods, 'OPTIONS'].join(', ')
  if (method !== 'OPTIONS') {
    throw new Problem(405, `This path allows only ${allow}.`, { headers: { Allow: allow } })
  }
  writeHead(res, 204, { Allow: allow }).end()
}
