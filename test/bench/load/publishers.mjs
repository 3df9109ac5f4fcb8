/**
 * The publishers: kept connections with one POST at a time on each, so that a publisher's locations arrive in order.
 */
import { connect } from 'node:net'

export class Publishers {
  /** POSTs that were answered with 2xx, and all others. */
  answered = 0
  refused = 0
  /** The status line of the last refusal. */
  refusal = ''
  #port
  #all

  /** `onAnswer(task)` is called for each POST that was answered with 2xx. */
  constructor(port, count, onAnswer) {
    this.#port = port
    this.#all = Array.from({ length: count }, () => this.#open(onAnswer))
  }

  get count() {
    return this.#all.length
  }

  /** The number of POSTs that are queued or under way. */
  get waiting() {
    let waiting = 0
    for (const { queue, task } of this.#all) waiting += queue.length + (task === null ? 0 : 1)
    return waiting
  }

  /** `task`: anything with `room` and `body`. */
  post(p, task) {
    const publisher = this.#all[p]
    if (publisher.task === null) this.#send(publisher, task)
    else publisher.queue.push(task)
  }

  /** Drops the queued POSTs. */
  forget() {
    for (const publisher of this.#all) publisher.queue.length = 0
  }

  close() {
    for (const { socket } of this.#all) socket.destroy()
  }

  #open(onAnswer) {
    const publisher = { socket: null, task: null, queue: [], text: '' }
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    publisher.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', chunk => {
      publisher.text += chunk
      if (!isWhole(publisher.text)) return
      const { task, text } = publisher
      publisher.text = ''
      publisher.task = null
      if (/^HTTP\/1\.1 2/.test(text)) {
        this.answered++
        onAnswer(task)
      } else {
        this.refused++
        this.refusal = text.split('\r\n', 1)[0]
      }
      if (publisher.task === null && publisher.queue.length > 0) this.#send(publisher, publisher.queue.shift())
    })
    const lose = () => {
      if (publisher.task) this.refused++
      publisher.task = null
    }
    socket.on('error', lose)
    socket.on('close', lose)
    return publisher
  }

  #send(publisher, task) {
    publisher.task = task
    publisher.socket.write(
      `POST /rooms/r${task.room}/location HTTP/1.1\r\nHost: localhost:${this.#port}\r\nContent-Type: application/json\r\nContent-Length: ${task.body.length}\r\n\r\n${task.body}`,
      'latin1',
    )
  }
}

function isWhole(text) {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
  if (length !== undefined) return text.length >= end + 4 + Number(length)
  if (/\r\ntransfer-encoding: *chunked/i.test(text)) return text.endsWith('0\r\n\r\n')
  return true
}
