/**
 * A built-in upstream for trying the relay, in open mode: it answers like a language model, one word at a time.
 */
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { sendJson, writeHead } from '../http/response.ts'
import type { RequestContext } from '../http/route.ts'
import { encodeEvent } from '../hub/frame.ts'
import type { Upstream } from './upstreams.ts'

const path = 'demonstration'
const wordMs = 40
const maxPromptLength = 200

export const questionSchema = z.object({ messages: z.array(z.object({ content: z.string() })).min(1) })

/** The demonstration as an upstream: at the address on which the server received this request. */
export function demonstrationOf({ socket }: IncomingMessage): Upstream {
  const address = (socket.localAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')
  const host = address.includes(':') ? `[${address}]` : address
  const { origin } = new URL(`http://${host}:${socket.localPort}`)
  return { origin, segments: [path], allowPrivate: false, headers: {}, secrets: [] }
}

/** Says where the demonstration is, for `targetUrl`. */
export function showDemonstration({ req, res }: RequestContext): void {
  sendJson(res, { targetUrl: `${demonstrationOf(req).origin}/${path}` })
}

export function answerQuestion({ res, input }: RequestContext<z.infer<typeof questionSchema>>): void {
  const words = answerTo(input.messages.at(-1)?.content ?? '').match(/\S+\s*/g) ?? []
  writeHead(res, 200, { 'Content-Type': 'text/event-stream' })
  const timer = setInterval(() => {
    const content = words.shift()
    if (content === undefined) {
      clearInterval(timer)
      res.end(encodeEvent({ data: '[DONE]' }))
    } else res.write(encodeEvent({ data: JSON.stringify({ choices: [{ delta: { content } }] }) }))
  }, wordMs)
  res.on('close', () => clearInterval(timer))
}

function answerTo(prompt: string): string {
  const shown = prompt.length > maxPromptLength ? `${prompt.slice(0, maxPromptLength)}…` : prompt
  return `You wrote: “${shown}”

No language model wrote this answer: the server did. But the answer takes the same way as one from a model. The page posts your question, the server calls an upstream with it, and writes what the upstream streams into a log, word by word. The page reads the log.

So you can reload the page in the middle of this sentence and miss nothing: the run belongs to the log, not to the connection that started it. After the reload the page reads from the first word, catches up at once, and continues where the upstream is by then.

If you close the page and don't return, the server waits for half a minute and then ends the call, so that no words are paid for that are never read. The Stop button does the same at once.`
}
