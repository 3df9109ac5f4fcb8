/**
 * The strings that paths, bodies, queries and tokens share. None of them can forge a line of a log, an event-stream field or
 * a store entry.
 */
import { z } from 'zod'

/** Code points in a user id or a name. */
export const maxLength = 64

/** Without control characters and lone surrogates, which UTF-8 can't carry. */
function isPlain(value: string): boolean {
  return value.isWellFormed() && !/\p{Cc}/u.test(value)
}

/** Whether a text has so many code points. */
function hasLength(minLength: number): (value: string) => boolean {
  return value => {
    const { length } = value.length <= maxLength ? value : [...value.slice(0, 2 * maxLength + 2)]
    return length >= minLength && length <= maxLength
  }
}

/** `isPlain` for the OpenAPI document. */
const plainPattern = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'

const noControlCharacters = 'must not contain control characters'
const lengthRule = (minLength: number) => `must have ${minLength} to ${maxLength} characters`

export const roomSchema = z
  .string()
  .regex(/^(?!\.{1,2}$)[\w.~:-]{1,128}$/, 'must be 1 to 128 of A–Z a–z 0–9 . _ ~ : -, and not "." or ".."')

/** A URL can't carry a path segment `.` or `..`. */
export const userSchema = z
  .string()
  .refine(isPlain, noControlCharacters)
  .refine(hasLength(1), lengthRule(1))
  .refine(value => value !== '.' && value !== '..', 'must not be "." or ".."')
  .meta({ minLength: 1, maxLength, pattern: plainPattern })

/** What has a shape on the screen: no separators, control or format characters, nor the invisible letters (UAX #44). */
const visible = /[^\p{Z}\p{C}\p{Default_Ignorable_Code_Point}\u2800]/u

/** Surrounding white space is trimmed. A name without a visible character is empty, and counts as left out. */
export const nameSchema = z
  .string()
  .refine(isPlain, noControlCharacters)
  .overwrite(name => (visible.test(name) ? name.trim() : ''))
  .refine(hasLength(0), lengthRule(0))
  .meta({ maxLength, pattern: plainPattern })

export const colorSchema = z.string().regex(/^#[0-9a-fA-F]{6}$/, 'must be #rrggbb')

/** The first `length` code points. */
export function firstCharacters(text: string, length: number): string {
  return [...text.slice(0, 2 * length)].slice(0, length).join('')
}
