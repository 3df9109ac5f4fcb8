/**
 * A stream of numbered messages with an end: shows whether everything between a client and the server lets streams through.
 */
import { z } from 'zod'
import { endEventStream, startEventStream } from '../http/event-stream.ts'
import { unavailable } from '../http/problem.ts'
import { sendNoContent } from '../http/response.ts'
import type { RequestContext } from '../http/route.ts'
import { encodeEvent } from '../hub/frame.ts'

/** A number in a body, or its digits in a query. */
function whole(min: number, max: number) {
  const digits = z.string().regex(/^\d+$/, 'must be a whole number').transform(Number)
  const meta = { minimum: min, maximum: max }
  return z.union([z.int(), digits]).meta(meta).pipe(z.int().min(min).max(max))
}

export const ticksSchema = z.object({ interval: whole(10, 10_000).default(1_000), count: whole(1, 100).default(10) })

export class Ticks {
  /** Ends each open stream early. */
  readonly #open = new Set<() => void>()
  #isDraining = false

  /** Ends the open streams, so that their clients reconnect to another instance. */
  drain(): void {
    this.#isDraining = true
    for (const end of this.#open) end()
  }

  readonly handler = ({ req, res, input }: RequestContext<z.infer<typeof ticksSchema>>): void => {
    const { interval, count } = input
    const lastEventId = req.headers['last-event-id']?.toString() ?? ''
    let n = /^\d+$/.test(lastEventId) ? Number(lastEventId) : 0
    if (n >= count) return sendNoContent(res)
    if (this.#isDraining)
      throw unavailable('The server is shutting down. Open the stream again.', { refusal: 'draining' })
    const socket = startEventStream(res)
    if (!socket) return
    const next = () => {
      n++
      socket.write(encodeEvent({ event: 'message', data: `Hello, this is message number ${n}`, id: `${n}` }))
      if (n < count) return
      clearInterval(timer)
      socket.destroySoon()
    }
    const end = () => {
      clearInterval(timer)
      endEventStream(socket)
    }
    const timer = setInterval(next, interval)
    this.#open.add(end)
    socket.on('close', () => {
      clearInterval(timer)
      this.#open.delete(end)
    })
    next()
  }
}
