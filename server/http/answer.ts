/**
 * Plain answers.
 */
import type { ServerResponse } from 'node:http'
import { writeHead } from './head.ts'

/** Sends JSON; a string is JSON already. */
export function sendJson(res: ServerResponse, body: object | string): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  writeHead(res, 200, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(text),
  })
  res.end(text)
}

export function sendNothing(res: ServerResponse): void {
  writeHead(res, 204).end()
}
