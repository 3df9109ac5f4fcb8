/**
 * What a location is: what a client may say, what it becomes, and what a room's log keeps of it. Pure.
 */
import { z } from 'zod'
import type { Location } from '../../web/wire.ts'
import { colorSchema, nameSchema, userSchema } from '../http/fields.ts'
import { colorOf } from './color.ts'

const maxMetaBytes = 1024
const maxBatchLength = 1_000

const metaSchema = z
  .custom<Record<string, unknown>>(value => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'must be an object',
    abort: true,
  })
  .refine(fits, `must be at most ${maxMetaBytes} bytes of JSON`)

export const bodySchema = z.object({
  user: userSchema.optional(),
  name: nameSchema.optional(),
  color: colorSchema.optional(),
  x: z.number(),
  y: z.number(),
  meta: metaSchema.nullish(),
  seq: z.int().optional(),
})

export const batchSchema = z
  .array(bodySchema.extend({ user: userSchema }))
  .min(1)
  .max(maxBatchLength)

/** What a client says of where it is. */
export type PublishedBody = z.infer<typeof bodySchema>

/** What the log keeps of a location, as JSON: all but `at`, which is in its event's id. */
export function storedOf(user: string, { name, color, x, y, meta }: PublishedBody, guest: boolean): string {
  const location: Omit<Location, 'at'> = {
    user,
    name: name ?? (guest ? `Guest ${user.slice(-4)}` : user),
    color: color ?? colorOf(user),
    x,
    y,
    ...(meta && { meta }),
  }
  return JSON.stringify(location)
}

/** A value and its event's id as a location in JSON. */
export function locationOf(value: string, id: string): string {
  return `${value.slice(0, -1)},"at":${id.slice(0, id.indexOf('-'))}}`
}

function fits(meta: object): boolean {
  try {
    return Buffer.byteLength(JSON.stringify(meta)) <= maxMetaBytes
  } catch {
    // Nested so deeply that it cannot even be written.
    return false
  }
}
