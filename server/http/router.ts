/**
 * What is asked where: every route, and what all of them share.
 */
import { readdirSync } from 'node:fs'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import express, { type ErrorRequestHandler, type Express, type Router } from 'express'
import type { Logger } from 'pino'
import type { LocationRoutes } from '../location/routes.ts'
import type { Relay } from '../relay/relay.ts'
import { relayRoutes } from '../relay/routes.ts'
import type { Ticks } from '../ticks/ticks.ts'
import { type Access, refuseUnless } from './access/access.ts'
import { canReadMetrics } from './access/caller.ts'
import { sendJson } from './answer.ts'
import { answerCors } from './cors.ts'
import { setSecurityHeaders } from './head.ts'
import { refuseOtherHosts } from './host.ts'
import { onlyThese } from './methods.ts'
import type { Metrics } from './metrics.ts'
import { sendMetrics } from './metrics-routes.ts'
import { answerError, Problem, unavailable } from './problem.ts'

export interface AppOptions {
  location: LocationRoutes
  relay: Relay
  ticks: Ticks
  /** The demonstration's routes, where there is one. */
  demonstration: Router | undefined
  /** Shown under `/openapi.json`. */
  openApi: object
  /** Shown under `/metrics` to whoever may see them, unless there is a port for them. */
  metrics: Metrics
  access: Access
  hasAdminPort: boolean
  log: Logger
  /** Express's `trust proxy`. */
  trustProxy: string | number | boolean
  corsOrigins: readonly string[]
  /** Whether whoever gets through to this machine's loopback may do everything. */
  isOpenLoopback: boolean
  /** The folder of the page and its files. */
  webDir: string
  /** Why it can't serve at present; null when it can. */
  unavailableReason(): string | null
}

/** Answers every request: those of the rooms at once, all others through Express. */
export function createApp(options: AppOptions): RequestListener {
  const { location, metrics, log, corsOrigins, isOpenLoopback } = options
  const rest = createRest(options)

  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    req.url = targetOf(req.url)
    if (isOpenLoopback) refuseOtherHosts(req)
    if (answerCors(req, res, corsOrigins)) return
    await (location(req, res) ?? rest(req, res))
  }
  return (req, res) =>
    void answer(req, res).catch(error => {
      answerError(error, req, res, log)
      metrics.onProblem(res.statusCode)
    })
}

/** The target without an origin before it, as proxies are asked (RFC 9112, section 3.2.2). */
function targetOf(url = '/'): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*\/?/i, '/')
}

function createRest(options: AppOptions): Express {
  const {
    relay,
    ticks,
    demonstration,
    openApi,
    metrics,
    access,
    hasAdminPort,
    log,
    trustProxy,
    webDir,
    unavailableReason,
  } = options
  const app = express()
  app.set('trust proxy', trustProxy)
  app.set('x-powered-by', false)
  app.set('case sensitive routing', true)
  app.set('query parser', 'simple')

  app.use('/sse', ticks.routes())
  app.use('/forward-sse', relayRoutes(relay))
  if (demonstration) app.use('/demonstration', demonstration)
  app
    .route('/healthz')
    .get((_req, res) => sendJson(res, { status: 'alive' }))
    .all(onlyThese('GET', 'HEAD'))
  app
    .route('/readyz')
    .get((_req, res) => {
      const reason = unavailableReason()
      if (reason) throw unavailable(reason)
      sendJson(res, { status: 'ready' })
    })
    .all(onlyThese('GET', 'HEAD'))

  app.use(setSecurityHeaders, express.static(webDir))
  app
    .route('/openapi.json')
    .get((_req, res) => sendJson(res, openApi))
    .all(onlyThese('GET', 'HEAD'))
  if (!hasAdminPort) {
    app
      .route('/metrics')
      .get(async (req, res) => {
        refuseUnless(canReadMetrics(await access(req)))
        await sendMetrics(res, metrics)
      })
      .all(onlyThese('GET', 'HEAD'))
  }

  const files = new Set(['', ...readdirSync(webDir)])
  app.use((req, res, next) => {
    if (files.has(req.path.slice(1))) return onlyThese('GET', 'HEAD')(req, res, next)
    throw new Problem(404, 'There is nothing here.')
  })
  const problems: ErrorRequestHandler = (error, req, res, _next) => {
    answerError(error, req, res, log)
    metrics.onProblem(res.statusCode)
  }
  app.use(problems)
  return app
}
