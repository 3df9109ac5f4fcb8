/**
 * An upstream to try the relay with, for a server in open mode: answers like a language model, one word after another.
 */
import type { AddressInfo } from 'node:net'
import { Router } from 'express'
import { z } from 'zod'
import { sendJson } from '../http/answer.ts'
import { check, readJson } from '../http/body.ts'
import { writeHead } from '../http/head.ts'
import { onlyThese } from '../http/methods.ts'
import type { Upstream } from './upstreams.ts'

const path = 'demonstration'
const wordMs = 40
const maxPromptLength = 200

const questionSchema = z.object({ messages: z.array(z.object({ content: z.string() })).min(1) })

/** The demonstration of the server that listens there. */
export function demonstrationAt({ address, family, port }: AddressInfo): Upstream {
  const local =
    family === 'IPv6' ? `[${address === '::' ? '::1' : address}]` : address.replace(/^0\.0\.0\.0$/, '127.0.0.1')
  return { origin: new URL(`http://${local}:${port}`).origin, segments: [path], headers: {}, secrets: [] }
}

/** GET says where it is, for the relay; POST answers. */
export function demonstrationRoutes(place: () => Upstream): Router {
  const router = Router()
  router
    .route('/')
    .get((_req, res) => sendJson(res, { targetUrl: `${place().origin}/${path}` }))
    .post(async (req, res) => {
      const { messages } = check(questionSchema, await readJson(req))
      const words = answerTo(messages.at(-1)?.content ?? '').match(/\S+\s*/g) ?? []
      writeHead(res, 200, { 'Content-Type': 'text/event-stream' })
      const timer = setInterval(() => {
        const content = words.shift()
        if (content === undefined) {
          clearInterval(timer)
          res.end('data: [DONE]\n\n')
        } else res.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
      }, wordMs)
      res.on('close', () => clearInterval(timer))
    })
    .all(onlyThese('GET', 'POST'))
  return router
}

function answerTo(prompt: string): string {
  const shown = prompt.length > maxPromptLength ? `${prompt.slice(0, maxPromptLength)}…` : prompt
  return `You wrote: “${shown}”

No model stands behind this answer, only the server itself. But it travels as one from a model would: the page posts what you type, the server calls an upstream for it, and what the upstream streams goes into a log, word by word. The page reads the log.

That is why you may reload the page in the middle of this sentence and miss nothing: the run belongs to the log, and not to the connection that began it. Open the page again, and it begins at the first word, catches up at once, and goes on from where the upstream is by then.

If you close it and do not come back, the server waits for half a minute and then hangs up on the upstream, so that nobody pays for words that nobody reads. Stop does the same at once.`
}
