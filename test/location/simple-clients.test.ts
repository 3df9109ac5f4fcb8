/** The simplest clients: a plain `EventSource` with `onmessage`, a plain POST, and `curl -N`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { EventSource } from 'eventsource'
import { Room, useServer } from '../support/rooms.ts'

const server = useServer('memory')
const lobby = () => new Room(server, 'lobby')

test('an EventSource on /location/sse receives a POST to /location in onmessage', async () => {
  const source = new EventSource(`${server.url}/location/sse`)
  const messages: MessageEvent[] = []
  const received = new EventTarget()
  source.onmessage = message => {
    messages.push(message)
    received.dispatchEvent(new Event('message'))
  }
  await once(received, 'message')
  const posted = await fetch(`${server.url}/location`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"x":2,"y":2}',
  })
  const { id, user } = (await posted.json()) as { id: string; user: string }
  if (messages.length < 2) await once(received, 'message')
  source.close()
  expect(JSON.parse(messages[0]?.data)).toMatchObject({ type: 'snapshot', reason: 'joined' })
  expect(messages[1]?.lastEventId).toBe(id)
  expect(JSON.parse(messages[1]?.data)).toMatchObject({ type: 'location', user, x: 2, y: 2 })
})

test('curl -N shows each event at once, in the format of the contract', async () => {
  const curl = spawn('curl', ['-sN', `${server.url}/location/sse`], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  curl.stdout.setEncoding('utf8').on('data', part => {
    text += part
  })
  while (!text.includes('\n\n')) await once(curl.stdout, 'data')
  const start = text.length
  const id = await lobby().put('alice', 2, 2, { name: 'Alice', color: '#e4572e' })
  while (!text.endsWith('}\n\n', text.length) || text.length === start) await once(curl.stdout, 'data')
  const exited = once(curl, 'exit')
  curl.kill()
  await exited
  const at = id.split('-')[0]
  expect(text.slice(start)).toBe(
    `id: ${id}\ndata: {"type":"location","user":"alice","name":"Alice","color":"#e4572e","x":2,"y":2,"at":${at}}\n\n`,
  )
})
