/**
 * Removes the values of the operator's headers from what a caller receives. Pure.
 */
import type { Upstream } from './upstreams.ts'

/** Shorter words are not secrets, such as `Bearer` or a key with the value `none`. */
const minLength = 8

/** Returns the text of an error without header values. An upstream's error may repeat a whole header. */
export function concealHeaders(text: string, { headers, secrets }: Upstream): string {
  const values = Object.values(headers).filter(value => value !== '')
  const words = values.flatMap(value => value.split(/\s+/)).filter(word => word.length >= minLength)
  return concealer([...values, ...words, ...secrets])(text)
}

/**
 * Removes only the secrets from the answer. Other header values, such as the version `2023-06-01`, can be a legitimate part
 * of it.
 */
export function secretsConcealer({ secrets }: Upstream): (text: string) => string {
  return concealer(secrets.filter(({ length }) => length >= minLength))
}

function concealer(values: readonly string[]): (text: string) => string {
  const forms = [...new Set(values.flatMap(formsOf))].sort((a, b) => b.length - a.length)
  return text => forms.reduce((rest, form) => rest.replaceAll(form, '[…]'), text)
}

/** The value as plain text, in JSON (some encoders escape slashes) and in a URL. */
function formsOf(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1)
  return [value, json, json.replaceAll('/', '\\/'), encodeURIComponent(value)]
}
