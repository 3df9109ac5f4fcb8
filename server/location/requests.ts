/**
 * What the rooms' requests may carry. The same schemas validate them and describe them in OpenAPI.
 */
import { z } from 'zod'
import { colorSchema, nameSchema, userSchema } from '../http/fields.ts'

const maxMetaBytes = 1024
const maxBatchLength = 1_000

const metaSchema = z
  .custom<Record<string, unknown>>(value => typeof value === 'object' && value !== null && !Array.isArray(value), {
    error: 'must be an object',
    abort: true,
  })
  .refine(fits, `must be at most ${maxMetaBytes} bytes of JSON`)
  .meta({ type: 'object' })

export const locationSchema = z.object({
  user: userSchema.optional(),
  name: nameSchema.optional(),
  color: colorSchema.optional(),
  x: z.number(),
  y: z.number(),
  meta: metaSchema.nullish(),
  seq: z.int().optional(),
})

export const batchSchema = z
  .array(locationSchema.extend({ user: userSchema }))
  .min(1)
  .max(maxBatchLength)

export const aliveSchema = z.object({ user: userSchema.optional() })

export const leaveSchema = z.object({ when: z.enum(['closed']).optional() })

export const followSchema = z.object({
  user: userSchema.nullish(),
  ack: z.union([z.string(), z.number(), z.boolean()]).nullish(),
  // Never refused: an id that is not in the history makes a stream start with a snapshot.
  lastEventId: z.unknown().optional(),
})

/** A location as a client publishes it. */
export type PublishedLocation = z.infer<typeof locationSchema>
export type LeaveInput = z.infer<typeof leaveSchema>
export type FollowInput = z.infer<typeof followSchema>

function fits(meta: object): boolean {
  try {
    return Buffer.byteLength(JSON.stringify(meta)) <= maxMetaBytes
  } catch (error) {
    // Nested too deeply for JSON.stringify, which is recursive.
    if (error instanceof RangeError) return false
    throw error
  }
}
