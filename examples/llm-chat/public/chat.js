/**
 * Asks the model by POST, and shows the answer word by word. The address of the run is kept for a reload.
 */
import { FatalError, openStream } from '@colocate/client/stream'

const form = document.querySelector('form')
const [askButton, stopButton] = form.querySelectorAll('button')
const answer = document.querySelector('#answer')
const status = document.querySelector('#status')
const { targetUrl, model } = await (await fetch('/llm')).json()
let reading

form.addEventListener('submit', event => {
  event.preventDefault()
  delete sessionStorage.run
  const messages = [{ role: 'user', content: form.question.value }]
  void read('/forward-sse', { body: { targetUrl, body: { model, messages, stream: true } } })
})

stopButton.addEventListener('click', async () => {
  reading.abort()
  // Before the answer begins, there is no run yet: the aborted request ends the call.
  if (sessionStorage.run) await fetch(sessionStorage.run, { method: 'DELETE' })
})

// After a reload: the run from its first word.
if (sessionStorage.run) void read(sessionStorage.run)

async function read(url, options) {
  reading = new AbortController()
  answer.textContent = ''
  show('answering')
  try {
    for await (const { event, data } of openStream(url, { ...options, onOpen, signal: reading.signal })) {
      if (event === 'relay-error') throw new Error(JSON.parse(data).detail)
      if (data === '[DONE]') return show('done')
      answer.textContent += JSON.parse(data).choices[0]?.delta.content ?? ''
    }
    show('stopped')
  } catch (error) {
    show(error.name === 'AbortError' ? 'stopped' : error.message)
  }
}

function show(text) {
  const isAnswering = text === 'answering'
  status.textContent = text
  askButton.disabled = isAnswering
  stopButton.disabled = !isAnswering
}

async function onOpen(response) {
  if (!response.ok) throw new FatalError((await response.json()).detail)
  const run = response.headers.get('Location')
  if (run) sessionStorage.run = new URL(run, response.url)
}
