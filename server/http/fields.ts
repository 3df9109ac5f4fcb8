/**
 * The strings that paths, bodies, queries and tokens share. None of them can forge a line of a log, an event-stream field or
 * a store entry.
 */
import { z } from 'zod'

const maxLength = 64

/** Without control characters and lone surrogates, which UTF-8 can't carry. */
function text(minLength: number): z.ZodType<string> {
  return z
    .string()
    .refine(value => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must not contain control characters')
    .refine(value => {
      const { length } = [...value.slice(0, 2 * maxLength + 2)]
      return length >= minLength && length <= maxLength
    }, `must have ${minLength} to ${maxLength} characters`)
    .meta({ minLength, maxLength })
}

export const roomSchema = z
  .string()
  .regex(/^(?!\.{1,2}$)[\w.~:-]{1,128}$/, 'must be 1 to 128 of A–Z a–z 0–9 . _ ~ : -, and not "." or ".."')

/** A URL can't carry a path segment `.` or `..`. */
export const userSchema = text(1).refine(value => value !== '.' && value !== '..', 'must not be "." or ".."')

export const nameSchema = text(0)

export const colorSchema = z.string().regex(/^#[0-9a-fA-F]{6}$/, 'must be #rrggbb')
