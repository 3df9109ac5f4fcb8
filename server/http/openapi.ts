/**
 * Describes the route table as OpenAPI 3.1, with the schemas that validate the requests.
 */
import { z } from 'zod'
import { roomSchema, userSchema } from './fields.ts'
import type { Route } from './route.ts'

type Json = Record<string, unknown>

const text = { type: 'string' }
const problem = {
  description: 'A problem (RFC 9457)',
  headers: answerHeaders({
    'Retry-After': 'Seconds until another attempt, for 429 and 503',
    RateLimit: 'The limit that is exceeded, for 429',
    'WWW-Authenticate': 'How to authenticate, for 401',
    Allow: 'The methods of the path, for 405',
  }),
  content: { 'application/problem+json': {} },
}
const pathSchemas: Record<string, z.ZodType> = { room: roomSchema, user: userSchema }
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
    ...[...row.path.matchAll(/:(\w+)/g)].map(([, name = '']) => pathParameter(name)),
    ...Object.entries(headersOf(row)).map(([name, schema]) => ({ in: 'header', name, schema: schemaOf(schema) })),
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

function pathParameter(name: string): Json {
  return { in: 'path', name, schema: schemaOf(pathSchemas[name] ?? z.string()), required: true }
}

function headersOf({ headers, answer }: Route): Record<string, z.ZodType> {
  return { ...headers, ...(answer === 'event-source' && { 'Last-Event-ID': z.string() }) }
}

function answerHeaders(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, { description, schema: text }]))
}

function successOf({ answer, answerHeaders: headers, summary, hasEnd }: Route): Json {
  if (answer === 'nothing') return { '204': { description: 'Done' } }
  return {
    '200': {
      description: summary,
      ...(headers && { headers: answerHeaders(headers) }),
      content: { [contentTypes[answer]]: {} },
    },
    ...(hasEnd && { '204': { description: 'The stream is over, and nothing is left to send' } }),
  }
}

/** The schema of what a client may send, before it is transformed. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return json
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
