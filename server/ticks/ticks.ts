/**
 * A stream with an end: shows whether everything between a client and the server lets a stream through.
 */
import type { ServerResponse } from 'node:http'
import { Router } from 'express'
import { z } from 'zod'
import { sendNothing } from '../http/answer.ts'
import { check, readJson } from '../http/body.ts'
import { startEventStream } from '../http/event-stream.ts'
import { onlyThese } from '../http/methods.ts'

/** A number in a body, its digits in a query. */
function whole(min: number, max: number) {
  const digits = z.string().regex(/^\d+$/, 'must be a whole number').transform(Number)
  return z.union([z.int(), digits]).pipe(z.int().min(min).max(max))
}

export const wishSchema = z.object({ interval: whole(10, 10_000).default(1_000), count: whole(1, 100).default(10) })

export function tickRoutes(): Router {
  const router = Router()
  router
    .route('/')
    .head(onlyThese('GET', 'POST'))
    .get((req, res) => tick(res, check(wishSchema, req.query), req.get('last-event-id')))
    .post(async (req, res) => tick(res, check(wishSchema, await readJson(req)), req.get('last-event-id')))
    .all(onlyThese('GET', 'POST'))
  return router
}

function tick(res: ServerResponse, { interval, count }: z.infer<typeof wishSchema>, lastEventId = ''): void {
  let n = /^\d{1,3}$/.test(lastEventId) ? Number(lastEventId) : 0
  if (n >= count) return sendNothing(res)
  const socket = startEventStream(res)
  if (!socket) return
  const next = () => {
    n++
    socket.write(`event: message\ndata: Hello, this is message number ${n}\nid: ${n}\n\n`)
    if (n < count) return
    clearInterval(timer)
    socket.destroySoon()
  }
  const timer = setInterval(next, interval)
  socket.on('close', () => clearInterval(timer))
  next()
}
