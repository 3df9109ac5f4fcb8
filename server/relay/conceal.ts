/**
 * Removes the values of the operator's headers from what a caller receives. Pure.
 */
import type { Upstream } from './upstreams.ts'

/** Shorter words are not secrets, such as `Bearer` or a key with the value `none`. */
const minLength = 8
const mark = '[…]'

/** Returns the text of an error without header values. An upstream's error may repeat a whole header, or end in one. */
export function concealHeaders(text: string, { headers, secrets }: Upstream): string {
  const values = Object.values(headers).filter(value => value !== '')
  const words = values.flatMap(value => value.split(/\s+/)).filter(word => word.length >= minLength)
  const all = [...values, ...words, ...secrets]
  return withoutBeginning(concealer(all)(text), all)
}

/**
 * Removes only the secrets from the answer. Other header values, such as the version `2023-06-01`, can be a legitimate part
 * of it.
 */
export function secretsConcealer({ secrets }: Upstream): (text: string) => string {
  return concealer(secrets.filter(({ length }) => length >= minLength))
}

function concealer(values: readonly string[]): (text: string) => string {
  if (values.length === 0) return text => text
  // The longest value is tried first, because others may be a part of it.
  const sources = [...new Set(values)]
    .sort((a, b) => b.length - a.length)
    .map(value => Array.from(value, formsOf).join(''))
  const pattern = new RegExp(sources.join('|'), 'gi')
  return text => text.replace(pattern, mark)
}

const names: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' }

/** A pattern for one character: as it is, or as JSON, a URL or HTML may encode it. */
function formsOf(character: string): string {
  if (/[a-z0-9]/i.test(character)) return character
  const code = character.codePointAt(0) ?? 0
  const hex = code.toString(16)
  const percent = Array.from(Buffer.from(character), byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
  const literal = `\\u${hex.padStart(4, '0')}`
  const forms = [`\\\\?${literal}`, `\\\\u${hex.padStart(4, '0')}`, percent, `&#x0*${hex};`, `&#0*${code};`]
  if (names[character]) forms.push(`&${names[character]};`)
  if (character === ' ') forms.push('\\+')
  return `(?:${forms.join('|')})`
}

/** Cuts off the beginning of a value at the end of a text that broke off there. */
function withoutBeginning(text: string, values: readonly string[]): string {
  for (let length = Math.max(0, ...values.map(value => value.length - 1)); length >= minLength; length--) {
    const end = text.slice(-length)
    if (end.length === length && values.some(value => value.startsWith(end))) return text.slice(0, -length) + mark
  }
  return text
}
