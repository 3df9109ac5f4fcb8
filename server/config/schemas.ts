/**
 * Schemas of single options. Variables and flags are text, so these schemas accept a number as digits and a list with
 * commas. Every message is a rule that completes the sentence "PORT must be …".
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { readUpstreams } from '../relay/upstreams.ts'
import { isProxyList, splitList } from './formats.ts'

const maxWorkers = 128

export function integer(min: number, max: number, rule = `a whole number from ${min} to ${max}`) {
  return z.preprocess(digitsToNumber, z.int(rule).min(min, rule).max(max, rule))
}

/** How many processes. `auto` is one for each core that this process may use. */
export function workerCount() {
  const count = integer(1, maxWorkers, `auto or a whole number from 1 to ${maxWorkers}`)
  return z.preprocess(value => (value === 'auto' ? Math.min(availableParallelism(), maxWorkers) : value), count)
}

export function text(rule: string, isValid: (text: string) => boolean = () => true) {
  return z.string(rule).refine(isValid, rule)
}

export function list(rule: string, isValid: (item: string) => boolean, minItems = 0) {
  const items = z.array(z.string(rule), rule).refine(all => all.length >= minItems && all.every(isValid), rule)
  return z.preprocess(value => (typeof value === 'string' ? splitList(value) : value), items)
}

/** A switch. Environment variables are `1` or `true`. */
export function flag() {
  const rule = '1 or not set'
  return z.preprocess(
    value => (typeof value === 'string' ? ({ 1: true, true: true, 0: false, false: false }[value] ?? value) : value),
    z.boolean(rule),
  )
}

/** The values that Express accepts as "trust proxy". */
export function trustProxy() {
  const rule = 'true, false, the number of proxies, or their addresses separated by commas'
  const count = z.int(rule).min(0, rule).max(999, rule)
  const addresses = z.string(rule).refine(isProxyList, rule)
  return z.preprocess(
    value => (value === 'true' || value === 'false' ? value === 'true' : digitsToNumber(value)),
    z.union([z.boolean(), count, addresses], rule),
  )
}

/** The list as JSON or the path of a file that contains it. Headers may refer to the variables of `env` as `${NAME}`. */
export function upstreams(env: Record<string, string | undefined>) {
  const rule = 'a JSON list of upstreams or the path of a file that contains one'
  return z.union([z.string(), z.array(z.unknown())], rule).transform((given, context) => {
    try {
      const isPath = typeof given === 'string' && !given.trimStart().startsWith('[')
      return readUpstreams(isPath ? readFileSync(given, 'utf8') : given, env)
    } catch (error) {
      // The message of a file system error repeats the text, which may be a secret. Its code does not.
      const { code, message } = error as NodeJS.ErrnoException
      context.addIssue(`${rule}: ${code ?? message}`)
      return z.NEVER
    }
  })
}

function digitsToNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
}
