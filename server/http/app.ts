/**
 * What is asked where: every route, and what all of them share.
 */
import express, { type ErrorRequestHandler, type Express } from 'express'
import helmet from 'helmet'
import type { Logger } from 'pino'
import type { Rooms } from '../location/rooms.ts'
import { locationRoutes } from '../location/routes.ts'
import { tickRoutes } from '../ticks/ticks.ts'
import { sendJson } from './answer.ts'
import { answerCors } from './cors.ts'
import { refuseOtherHosts } from './host.ts'
import { onlyThese } from './methods.ts'
import { Problem, problemOf, sendProblem } from './problem.ts'

export interface AppOptions {
  rooms: Rooms
  log: Logger
  /** Express's `trust proxy`. */
  trustProxy: string | number | boolean
  corsOrigins: readonly string[]
  /** Whether whoever gets through to this machine's loopback may do everything. */
  isOpenLoopback: boolean
  /** The folder of the page and its files. */
  webDir: string
  /** Why it can't serve at present; null when it can. */
  trouble(): string | null
}

export function createApp(options: AppOptions): Express {
  const { rooms, log, trustProxy, corsOrigins, isOpenLoopback, webDir, trouble } = options
  const app = express()
  app.set('trust proxy', trustProxy)
  app.set('case sensitive routing', true)
  app.set('query parser', 'simple')
  // The page may stand on plain http: its own requests must not be sent to https.
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }))
  app.use((req, res, next) => {
    if (isOpenLoopback) refuseOtherHosts(req)
    if (!answerCors(req, res, corsOrigins)) next()
  })

  app.use('/rooms/:room/location', locationRoutes(rooms))
  app.use('/location', locationRoutes(rooms))
  app.use('/sse', tickRoutes())
  app
    .route('/healthz')
    .get((_req, res) => sendJson(res, { status: 'alive' }))
    .all(onlyThese('GET'))
  app
    .route('/readyz')
    .get((_req, res) => {
      const reason = trouble()
      if (reason) throw new Problem(503, reason, { headers: { 'Retry-After': 1 } })
      sendJson(res, { status: 'ready' })
    })
    .all(onlyThese('GET'))

  app.use(express.static(webDir))
  app.use(() => {
    throw new Problem(404, 'There is nothing here.')
  })
  app.use(problems(log))
  return app
}

function problems(log: Logger): ErrorRequestHandler {
  return (error, req, res, _next) => {
    const problem = problemOf(error)
    if (problem.status === 500) log.error({ err: error, method: req.method, path: req.path }, 'request failed')
    if (res.headersSent) res.destroy()
    else sendProblem(res, problem)
  }
}
