/**
 * Serves the chat. Colocate relays its questions to a language model and keeps the answers.
 */
import { fileURLToPath } from 'node:url'
import { createColocate } from 'colocate'
import express from 'express'
import { startFakeLlm } from './fake-llm.js'

const { PORT = '8080', LLM_URL, LLM_KEY = 'none', LLM_MODEL = 'fake' } = process.env
const llm = LLM_URL ?? (await startFakeLlm())

const colocate = await createColocate({
  // The key stays on the server. The page can call nothing but what begins with the prefix.
  relayUpstreams: [{ prefix: `${llm}/`, headers: { authorization: `Bearer ${LLM_KEY}` } }],
})

const app = express()
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))
app.use('/client', express.static(fileURLToPath(new URL('.', import.meta.resolve('@colocate/client')))))
app.get('/llm', (_req, res) => res.json({ targetUrl: `${llm}/chat/completions`, model: LLM_MODEL }))
app.use(colocate.handler)

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
