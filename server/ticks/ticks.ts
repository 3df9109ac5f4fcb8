/**
 * A stream with an end: shows whether everything between a client and the server lets a stream through.
 */
import type { ServerResponse } from 'node:http'
import { Router } from 'express'
import { z } from 'zod'
import { sendNothing } from '../http/answer.ts'
import { check, readJson } from '../http/body.ts'
import { retryLater, retrySoon, startEventStream } from '../http/event-stream.ts'
import { onlyThese } from '../http/methods.ts'

/** A number in a body, its digits in a query. */
function whole(min: number, max: number) {
  const digits = z.string().regex(/^\d+$/, 'must be a whole number').transform(Number)
  return z.union([z.int(), digits]).pipe(z.int().min(min).max(max))
}

export const ticksSchema = z.object({ interval: whole(10, 10_000).default(1_000), count: whole(1, 100).default(10) })

export class Ticks {
  readonly #isDraining: () => boolean
  /** What ends each that is open, early. */
  readonly #open = new Set<() => void>()

  constructor(isDraining: () => boolean) {
    this.#isDraining = isDraining
  }

  routes(): Router {
    const router = Router()
    router
      .route('/')
      .head(onlyThese('GET', 'POST'))
      .get((req, res) => this.#tick(res, check(ticksSchema, req.query), req.get('last-event-id')))
      .post(async (req, res) => this.#tick(res, check(ticksSchema, await readJson(req)), req.get('last-event-id')))
      .all(onlyThese('GET', 'POST'))
    return router
  }

  /** Ends those that are open so that their clients go on elsewhere. */
  drain(): void {
    for (const leave of this.#open) leave()
  }

  #tick(res: ServerResponse, { interval, count }: z.infer<typeof ticksSchema>, lastEventId = ''): void {
    let n = /^\d+$/.test(lastEventId) ? Number(lastEventId) : 0
    if (n >= count) return sendNothing(res)
    if (this.#isDraining()) return retryLater(res)
    const socket = startEventStream(res)
    if (!socket) return
    const next = () => {
      n++
      socket.write(`event: message\ndata: Hello, this is message number ${n}\nid: ${n}\n\n`)
      if (n < count) return
      clearInterval(timer)
      socket.destroySoon()
    }
    const leave = () => {
      clearInterval(timer)
      retrySoon(socket)
    }
    const timer = setInterval(next, interval)
    this.#open.add(leave)
    socket.on('close', () => {
      clearInterval(timer)
      this.#open.delete(leave)
    })
    next()
  }
}
