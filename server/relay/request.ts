/**
 * The body of a relay request, parsed and validated. Pure.
 */
import { z } from 'zod'
import { isHeader } from './upstreams.ts'

export interface RelayRequest {
  targetUrl: string
  method: string
  headers: Record<string, string>
  body: string | undefined
}

const headersSchema = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
  .refine(
    headers => Object.entries(headers).every(([name, value]) => isHeader(name, value)),
    'must contain only valid header names and values',
  )

const headerRule = 'must be an object of headers, or such an object as a JSON string'
const bodyRule = 'must be a JSON object, or a string that contains JSON'

const jsonSchema = z.string().refine(isJson, bodyRule).meta({ contentMediaType: 'application/json' })

export const relaySchema = z
  .object({
    targetUrl: z.string(),
    method: z
      .string()
      .toUpperCase()
      .pipe(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], 'must be GET, POST, PUT, PATCH or DELETE'))
      .default('POST'),
    header: z
      .union([headersSchema, jsonSchema.transform(text => JSON.parse(text)).pipe(headersSchema)], headerRule)
      .nullish(),
    body: z
      .union([z.record(z.string(), z.unknown()).transform(body => JSON.stringify(body)), jsonSchema], bodyRule)
      .nullish(),
  })
  .transform(({ targetUrl, method, header, body }): RelayRequest => {
    return { targetUrl, method, headers: header ?? {}, body: body ?? undefined }
  })

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
