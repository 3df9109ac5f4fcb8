/**
 * What a caller asks of the relay. Pure.
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
  .refine(headers => Object.entries(headers).every(([name, value]) => isHeader(name, value)), 'must be headers')

const jsonSchema = z.string().refine(isJson, 'must be JSON')

export const relaySchema = z
  .object({
    targetUrl: z.string(),
    method: z
      .string()
      .toUpperCase()
      .pipe(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']))
      .default('POST'),
    header: z.union([headersSchema, jsonSchema.transform(text => JSON.parse(text)).pipe(headersSchema)]).nullish(),
    body: z.union([z.record(z.string(), z.unknown()).transform(body => JSON.stringify(body)), jsonSchema]).nullish(),
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
