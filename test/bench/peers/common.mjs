/**
 * What the peers in Node share: they parse paths and bodies, print their port, and end with the benchmark.
 */

/** Returns a function that returns the state of a room. `make` creates it at the first call. */
export function rooms(make) {
  const all = new Map()
  return name => {
    let room = all.get(name)
    if (!room) {
      room = make(name)
      all.set(name, room)
    }
    return room
  }
}

/** `/rooms/{room}/location` and `/rooms/{room}/location/sse`. */
export function roomOf(url) {
  return url.split('/', 3)[2]
}

export async function bodyOf(req) {
  let text = ''
  for await (const chunk of req) text += chunk
  return JSON.parse(text)
}

export function listening(server) {
  server.on('listening', () => process.stdout.write(`listening on ${server.address().port}\n`))
  process.on('disconnect', () => process.exit())
}
