/**
 * For the end of a route: what it does not do.
 */
import type { RequestHandler } from 'express'
import { writeHead } from './head.ts'
import { Problem } from './problem.ts'

export function onlyThese(...methods: string[]): RequestHandler {
  const allow = [...methods, 'OPTIONS'].join(', ')
  return (req, res) => {
    if (req.method !== 'OPTIONS') throw new Problem(405, `Only ${allow} here.`, { headers: { Allow: allow } })
    writeHead(res, 204, { Allow: allow }).end()
  }
}
