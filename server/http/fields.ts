/**
 * The strings that bodies, queries and tokens share: none can forge a line, a field or an entry of a log.
 */
import { z } from 'zod'

const maxLength = 64

/** No control characters, and nothing that UTF-8 cannot carry. */
function text(minLength: number): z.ZodType<string> {
  return z
    .string()
    .refine(value => value.isWellFormed() && !/\p{Cc}/u.test(value), 'must be without control characters')
    .refine(value => {
      const { length } = [...value.slice(0, 2 * maxLength + 2)]
      return length >= minLength && length <= maxLength
    }, `must have ${minLength} to ${maxLength} characters`)
    .meta({ minLength, maxLength })
}

/** No URL can carry a path segment `.` or `..`. */
export const userSchema = text(1).refine(value => value !== '.' && value !== '..', 'must not be . or ..')

export const nameSchema = text(0)

export const colorSchema = z.string().regex(/^#[0-9a-fA-F]{6}$/, 'must be #rrggbb')
