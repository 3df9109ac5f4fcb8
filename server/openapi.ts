/**
 * What `/openapi.json` says: the requests as OpenAPI 3.1 describes them, with bodies out of the very schemas that check them.
 */
import { z } from 'zod'
import { aliveSchema, followSchema } from './location/handlers.ts'
import { batchSchema, bodySchema } from './location/location.ts'
import { relaySchema } from './relay/request.ts'
import { ticksSchema } from './ticks/ticks.ts'

type Json = Record<string, unknown>

const problem = { description: 'A problem (RFC 9457)', content: { 'application/problem+json': {} } }
const json = (description: string) => ({
  '200': { description, content: { 'application/json': {} } },
  default: problem,
})
const stream = (description: string) => ({
  '200': { description, content: { 'text/event-stream': {} } },
  default: problem,
})
const nothing = (description: string) => ({ '204': { description }, default: problem })

/** What a client may send, before it is made into what the server works with. */
function bodyOf(...schemas: z.ZodType[]): Json {
  const [first, ...rest] = schemas.map(schema => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
  const schema = rest.length > 0 ? { anyOf: [first, ...rest] } : first
  return { required: true, content: { 'application/json': { schema } } }
}

const text = { type: 'string' }
const parameter = (where: 'path' | 'query' | 'header', name: string) => {
  return { in: where, name, schema: text, ...(where === 'path' && { required: true }) }
}
const lastEventId = parameter('header', 'Last-Event-ID')
/** Where a header cannot be sent, on any GET. */
const accessToken = parameter('query', 'access_token')

/** A room's requests, under its path and, for the lobby, without one. */
function roomPaths(prefix: string): Json {
  const parameters = prefix === '' ? [] : [parameter('path', 'room')]
  const follow = { responses: stream('The room’s events, from a snapshot or a resume on') }
  return {
    [`${prefix}/location`]: {
      parameters,
      get: {
        summary: 'Who is where',
        parameters: [accessToken],
        responses: json('The locations, and the id of the last event'),
      },
      post: {
        summary: 'Publish where I am; a list is a batch',
        requestBody: bodyOf(bodySchema, batchSchema),
        responses: json('The id of the event, or the ids'),
      },
    },
    [`${prefix}/location/{user}`]: {
      parameters: [...parameters, parameter('path', 'user')],
      delete: { summary: 'Leave now', responses: nothing('Not there, or no longer') },
    },
    [`${prefix}/location/sse`]: {
      parameters: [...parameters, lastEventId],
      get: {
        summary: 'Follow',
        parameters: [...['user', 'ack', 'lastEventId'].map(name => parameter('query', name)), accessToken],
        ...follow,
      },
      post: { summary: 'Follow, for clients that use fetch', requestBody: bodyOf(followSchema), ...follow },
    },
    [`${prefix}/location/alive`]: {
      parameters,
      post: { summary: 'A sign of life', requestBody: bodyOf(aliveSchema), responses: nothing('The lease is kept') },
    },
  }
}

export function openApi(): Json {
  const ticks = { responses: { ...stream('So many messages, and the end'), '204': { description: 'Nothing is left' } } }
  return {
    openapi: '3.1.0',
    info: { title: 'Colocate', version: '0.1.0', description: 'Who is where in a shared sheet.' },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'colocate_token' },
      },
    },
    security: [{}, { token: [] }, { cookie: [] }],
    paths: {
      ...roomPaths('/rooms/{room}'),
      ...roomPaths(''),
      '/sse': {
        parameters: [lastEventId],
        get: { summary: 'Ticks', parameters: [parameter('query', 'interval'), parameter('query', 'count')], ...ticks },
        post: { summary: 'Ticks', requestBody: bodyOf(ticksSchema), ...ticks },
      },
      '/forward-sse': {
        post: {
          summary: 'Call an upstream, and read what it answers',
          requestBody: bodyOf(relaySchema),
          responses: stream('The upstream’s events; Location is the run'),
        },
      },
      '/forward-sse/{run}': {
        parameters: [parameter('path', 'run')],
        get: {
          summary: 'Read a run',
          parameters: [lastEventId, accessToken],
          responses: { ...stream('Its events'), '204': { description: 'It is over, and nothing is left' } },
        },
        delete: { summary: 'Stop a run', responses: nothing('It is over') },
      },
      '/healthz': { get: { summary: 'Whether the process lives', responses: json('It does') } },
      '/readyz': { get: { summary: 'Whether it can serve', responses: json('It can') } },
      '/metrics': {
        get: {
          summary: 'Metrics',
          parameters: [accessToken],
          responses: { '200': { description: 'Prometheus’ text' }, default: problem },
        },
      },
    },
  }
}
