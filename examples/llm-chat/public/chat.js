/**
 * Asks the model by POST, and shows the answer word by word. The address of the run is kept for a reload.
 */
import { FatalError, openStream } from '@colocate/client/stream'

const form = document.querySelector('form')
const stopButton = document.querySelector('#stop')
const answer = document.querySelector('#answer')
const status = document.querySelector('#status')
let reading = new AbortController()

form.addEventListener('submit', async event => {
  event.preventDefault()
  const { targetUrl, model } = await (await fetch('/llm')).json()
  const messages = [{ role: 'user', content: form.question.value }]
  await show('/forward-sse', { body: { targetUrl, body: { model, messages, stream: true } } })
})

stopButton.addEventListener('click', async () => {
  reading.abort()
  await fetch(sessionStorage.run, { method: 'DELETE' })
})

// After a reload: the run from its first word.
if (sessionStorage.run) await show(sessionStorage.run)

async function show(url, options) {
  reading.abort()
  reading = new AbortController()
  const { signal } = reading
  answer.textContent = ''
  status.textContent = 'answering'
  stopButton.disabled = false
  try {
    for await (const { event, data } of openStream(url, { ...options, onOpen, signal })) {
      if (event === 'relay-error') throw new Error(JSON.parse(data).detail)
      if (data === '[DONE]') break
      answer.textContent += JSON.parse(data).choices[0]?.delta.content ?? ''
    }
    status.textContent = 'done'
  } catch (error) {
    status.textContent = error.name === 'AbortError' ? 'stopped' : error.message
  }
  stopButton.disabled = true
}

async function onOpen(response) {
  if (!response.ok) throw new FatalError((await response.json()).detail)
  const run = response.headers.get('Location')
  if (run) sessionStorage.run = new URL(run, response.url)
}
