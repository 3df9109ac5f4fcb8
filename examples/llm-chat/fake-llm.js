/**
 * A server that answers as a language model with an API like OpenAI's does: one word at a time. It needs no key.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'

const wordMs = 50

const answerTo = question =>
  `You asked: “${question}” No language model wrote this answer. It comes one word at a time, as one from a model does. ` +
  'You can reload the page while it comes: the server keeps the words in the log of this run, and the page reads them again ' +
  'from the first one, and then the new ones. The Stop button ends the call, so that you do not pay for words that you do ' +
  'not read. This is the end.'

async function complete(req, res) {
  const { messages } = await json(req)
  const words = answerTo(messages.at(-1).content).match(/\S+\s*/g)
  console.log('fake LLM: a call begins')
  res.writeHead(200, { 'Content-Type': 'text/event-stream' })
  for (const content of words) {
    if (res.destroyed) return console.log('fake LLM: the call was aborted')
    res.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
    await setTimeout(wordMs)
  }
  res.end('data: [DONE]\n\n')
  console.log('fake LLM: the call ends')
}

/** Resolves with the URL of the API. */
export async function startFakeLlm() {
  const server = createServer((req, res) => void complete(req, res).catch(() => res.destroy()))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${server.address().port}/v1`
}
