/**
 * Describes the route table as OpenAPI 3.1, with the schemas that validate the requests.
 */
import { z } from 'zod'
import type { Route } from './route.ts'

type Json = Record<string, unknown>

const text = { type: 'string' }
const problem = { description: 'A problem (RFC 9457)', content: { 'application/problem+json': {} } }
const lastEventId = { in: 'header', name: 'Last-Event-ID', schema: text }
const accessToken = { in: 'query', name: 'access_token', schema: text }

const contentTypes = {
  json: 'application/json',
  text: 'text/plain',
  'event-stream': 'text/event-stream',
  'event-source': 'text/event-stream',
}

/** Describes the routes that have a summary. */
export function openApi(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {}
  for (const row of routes) {
    if (row.summary === undefined) continue
    const path = row.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(row) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Colocate', version: '0.1.0', description: 'Presence for shared sheets and documents.' },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'colocate_token' },
      },
    },
    paths,
  }
}

function operationOf(row: Route): Json {
  const parameters = [
    ...[...row.path.matchAll(/:(\w+)/g)].map(([, name]) => ({ in: 'path', name, schema: text, required: true })),
    ...(row.answer === 'event-source' ? [lastEventId] : []),
    ...(row.query ? queryParameters(row.query) : []),
    ...(row.permission && row.method === 'GET' ? [accessToken] : []),
  ]
  return {
    summary: row.summary,
    security: row.permission ? [{}, { token: [] }, { cookie: [] }] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(row.body && { requestBody: requestBody(row.body.schema, row.body.batch) }),
    responses: { ...successOf(row), default: problem },
  }
}

function successOf({ answer, summary, hasEnd }: Route): Json {
  if (answer === 'nothing') return { '204': { description: 'Done' } }
  return {
    '200': { description: summary, content: { [contentTypes[answer]]: {} } },
    ...(hasEnd && { '204': { description: 'The stream is over, and nothing is left to send' } }),
  }
}

/** The schema of what a client may send, before it is transformed. */
function schemaOf(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
}

function requestBody(schema: z.ZodType, batch: z.ZodType | undefined): Json {
  const single = schemaOf(schema)
  return {
    required: true,
    content: { 'application/json': { schema: batch ? { anyOf: [single, schemaOf(batch)] } : single } },
  }
}

function queryParameters(schema: z.ZodType): Json[] {
  const { properties = {} } = schemaOf(schema) as { properties?: Record<string, Json> }
  return Object.entries(properties).map(([name, property]) => ({ in: 'query', name, schema: property }))
}
