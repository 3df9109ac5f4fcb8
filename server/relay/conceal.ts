/**
 * Takes out of a text what the operator added to a call. Pure.
 */
import type { Upstream } from './upstreams.ts'

/** What is shorter is no secret, like `Bearer` or a key that reads `none`. */
const minLength = 8

/** Out of an error's text, which may repeat a whole header. */
export function concealHeaders(text: string, { headers, secrets }: Upstream): string {
  const values = Object.values(headers).filter(value => value !== '')
  const words = values.flatMap(value => value.split(/\s+/)).filter(word => word.length >= minLength)
  return concealer([...values, ...words, ...secrets])(text)
}

/**
 * Out of each piece of the answer itself, which is changed in nothing else: a header like `2023-06-01` may well be part of
 * one.
 */
export function secretsConcealer({ secrets }: Upstream): (text: string) => string {
  return concealer(secrets.filter(({ length }) => length >= minLength))
}

function concealer(values: readonly string[]): (text: string) => string {
  const forms = [...new Set(values.flatMap(formsOf))].sort((a, b) => b.length - a.length)
  return text => forms.reduce((rest, form) => rest.replaceAll(form, '[…]'), text)
}

/** As it stands in plain text, in JSON (some escape a slash) and in a URL. */
function formsOf(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1)
  return [value, json, json.replaceAll('/', '\\/'), encodeURIComponent(value)]
}
