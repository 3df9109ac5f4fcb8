/**
 * Plain answers.
 */
import type { ServerResponse } from 'node:http'

/** Sends JSON; a string is JSON already. */
export function sendJson(res: ServerResponse, body: object | string): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  res.writeHead(200, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(text),
  })
  res.end(text)
}

export function sendNothing(res: ServerResponse): void {
  res.writeHead(204).end()
}
