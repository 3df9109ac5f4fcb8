/**
 * The table of routes: everything that the server answers, in one list.
 *
 * The router derives the rest from a row, in this order: match, 405 and OPTIONS; host, CORS and origin; authentication and
 * permission; body; limit; handler. OpenAPI, metrics and the log line of a refusal follow from the row, too. The router matches
 * the table directly, which takes less than half of the CPU time of Express routes (docs/decisions/0022).
 */
import { z } from 'zod'
import { createHealthHandlers, type HealthOptions } from './http/health.ts'
import { openApi } from './http/openapi.ts'
import { type PageOptions, pageRoutes } from './http/page.ts'
import { sendJson } from './http/response.ts'
import { type Route, route } from './http/route.ts'
import { aliveUser, authorsOf, type LocationHandlers, leaverOf, namedFollower } from './location/handlers.ts'
import { aliveSchema, batchSchema, followSchema, leaveSchema, locationSchema } from './location/requests.ts'
import { answerQuestion, questionSchema, showDemonstration } from './relay/demonstration.ts'
import { idempotencyKeySchema } from './relay/idempotency-keys.ts'
import { maxRequestBytes, type Relay, relayIsOff } from './relay/relay.ts'
import { relaySchema } from './relay/request.ts'
import { type Ticks, ticksSchema } from './ticks/ticks.ts'

export interface RouteOptions {
  location: LocationHandlers
  ticks: Ticks
  /** Undefined: no upstream is allowed. */
  relay: Relay | undefined
  /** Whether the relay's demonstration is served. */
  hasDemonstration: boolean
  health: HealthOptions
  /** Whether `/metrics` has a port of its own. */
  hasAdminPort: boolean
  /** Undefined: there is no page. */
  page: PageOptions | undefined
}

export function createRoutes(options: RouteOptions): Route[] {
  const routes = [
    ...locationRoutes('/rooms/:room/location', options.location),
    ...locationRoutes('/location', options.location, { room: 'lobby' }),
    ...ticksRoutes(options.ticks),
    ...relayRoutes(options.relay),
    ...(options.hasDemonstration ? demonstrationRoutes : []),
    ...healthRoutes(options.health),
    ...(options.hasAdminPort ? [] : [metricsRoute(options.health)]),
    ...(options.page ? pageRoutes(options.page) : []),
  ]
  const description = openApi(routes)
  routes.push(
    route({ method: 'GET', path: '/openapi.json', answer: 'json', handler: ({ res }) => sendJson(res, description) }),
  )
  return routes
}

function locationRoutes(path: string, handlers: LocationHandlers, defaults: Record<string, string> = {}): Route[] {
  return [
    route({
      method: 'GET',
      path,
      defaults,
      summary: 'List the locations of a room',
      permission: 'location:read',
      handler: handlers.list,
      answer: 'json',
    }),
    route({
      method: 'POST',
      path,
      defaults,
      summary: 'Publish a location, or an array of locations as one batch',
      permission: 'location:write',
      body: { schema: locationSchema, batch: batchSchema },
      actsFor: authorsOf,
      limit: handlers.countPublish,
      handler: handlers.publish,
      answer: 'json',
    }),
    route({
      method: 'GET',
      path: `${path}/sse`,
      defaults,
      summary: 'Follow a room',
      permission: 'location:read',
      query: followSchema,
      actsFor: namedFollower,
      limit: handlers.countStream,
      handler: handlers.follow,
      answer: 'event-source',
    }),
    route({
      method: 'POST',
      path: `${path}/sse`,
      defaults,
      summary: 'Follow a room, for clients that use fetch',
      permission: 'location:read',
      body: { schema: followSchema },
      actsFor: namedFollower,
      limit: handlers.countStream,
      handler: handlers.follow,
      answer: 'event-source',
    }),
    route({
      method: 'POST',
      path: `${path}/alive`,
      defaults,
      summary: 'Keep a lease: the answer to a ping',
      permission: 'location:write',
      body: { schema: aliveSchema },
      actsFor: aliveUser,
      handler: handlers.alive,
      answer: 'nothing',
    }),
    route({
      method: 'DELETE',
      path: `${path}/:user`,
      defaults,
      summary: 'Leave a room, at once or when the last stream closes',
      permission: 'location:write',
      query: leaveSchema,
      actsFor: leaverOf,
      handler: handlers.leave,
      answer: 'nothing',
    }),
  ]
}

function ticksRoutes({ handler }: Ticks): Route[] {
  const row = { path: '/sse', handler, answer: 'event-source', hasEnd: true } as const
  return [
    route({ ...row, method: 'GET', summary: 'Ticks: test whether streams get through', query: ticksSchema }),
    route({ ...row, method: 'POST', summary: 'Ticks, for clients that use fetch', body: { schema: ticksSchema } }),
  ]
}

function relayRoutes(relay: Relay | undefined): Route[] {
  const path = '/forward-sse/:run'
  if (!relay) {
    const row = { handler: relayIsOff, answer: 'nothing' } as const
    return [
      route({ ...row, method: 'POST', path: '/forward-sse' }),
      route({ ...row, method: 'GET', path, answer: 'event-source' }),
      route({ ...row, method: 'DELETE', path }),
    ]
  }
  return [
    route({
      method: 'POST',
      path: '/forward-sse',
      summary: "Call an upstream and stream its answer; the response's Location is the run",
      permission: 'relay',
      headers: { 'Idempotency-Key': idempotencyKeySchema, 'Last-Event-ID': z.string() },
      body: { schema: relaySchema, maxBytes: maxRequestBytes },
      handler: relay.begin,
      answer: 'event-stream',
      answerHeaders: { Location: 'The run, as a relative reference' },
    }),
    route({
      method: 'GET',
      path,
      summary: 'Read a run',
      permission: 'relay',
      handler: relay.resume,
      answer: 'event-source',
      hasEnd: true,
      breaksOff: true,
    }),
    route({
      method: 'DELETE',
      path,
      summary: 'Stop a run',
      permission: 'relay',
      handler: relay.stop,
      answer: 'nothing',
    }),
  ]
}

const demonstrationRoutes: Route[] = [
  route({ method: 'GET', path: '/demonstration', handler: showDemonstration, answer: 'json' }),
  route({
    method: 'POST',
    path: '/demonstration',
    body: { schema: questionSchema },
    handler: answerQuestion,
    answer: 'event-stream',
  }),
]

function healthRoutes(options: HealthOptions): Route[] {
  const { alive, ready } = createHealthHandlers(options)
  return [
    route({ method: 'GET', path: '/healthz', summary: 'Whether the process is alive', handler: alive, answer: 'json' }),
    route({ method: 'GET', path: '/readyz', summary: 'Whether the server can serve', handler: ready, answer: 'json' }),
  ]
}

function metricsRoute(options: HealthOptions): Route {
  const { metrics } = createHealthHandlers(options)
  return route({
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics for Prometheus',
    permission: 'metrics',
    handler: metrics,
    answer: 'text',
  })
}

/** The table of the port that serves only the metrics, to everyone who reaches it. */
export function createAdminRoutes(options: HealthOptions): Route[] {
  const { metrics } = createHealthHandlers(options)
  return [route({ method: 'GET', path: '/metrics', handler: metrics, answer: 'text' })]
}
