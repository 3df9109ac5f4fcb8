/**
 * Returns the number of commands that Redis has processed, or null without a Redis.
 */
import { connect } from 'node:net'

export function redisCommands(port) {
  if (port === undefined) return null
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.once('error', reject)
    socket.on('data', chunk => {
      text += chunk
      const count = /total_commands_processed:(\d+)/.exec(text)?.[1]
      if (count === undefined) return
      socket.destroy()
      resolve(Number(count))
    })
    socket.write('INFO stats\r\n')
  })
}
