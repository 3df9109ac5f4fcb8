/** What the client does when Redis fails over to a replica: a real master, replicas and sentinels. */
import { expect, test } from '@jest/globals'
import { joinRoom } from '../../../../web/client/index.ts'
import { startSentinels } from '../../../faults/store.ts'
import { fetchLocations } from '../../../support/client.ts'
import { isLive, sees } from '../../../support/joined.ts'
import { startServer } from '../../../support/server.ts'

test('after a failover each collaborator is where it wanted to be, and none was shown as gone', async () => {
  const store = await startSentinels()
  const server = await startServer(store.env)
  const at = (user: string, x: number) => ({ url: server.url, user, location: { x, y: 0 } })
  const rooms = ['alice', 'bob', 'carol'].map(user => joinRoom('failover', at(user, 1)))
  const [alice, bob, carol] = rooms as [(typeof rooms)[0], (typeof rooms)[0], (typeof rooms)[0]]
  let x = 1
  const moving = setInterval(() => alice.move({ x: ++x }), 50)
  try {
    await Promise.all(rooms.map(isLive))
    await Promise.all([sees(bob, 'carol', 1), sees(carol, 'bob', 1)])
    const left: string[] = []
    for (const room of rooms) room.on('leave', ({ collaborator }) => left.push(collaborator.user))
    const startedAt = performance.now()
    await store.failOver('failover')
    bob.move({ x: 5 })
    await bob.settled()
    process.stdout.write(
      `failover: a move is in the log again ${((performance.now() - startedAt) / 1_000).toFixed(1)} s after the master was killed\n`,
    )
    clearInterval(moving)
    await alice.settled()
    await Promise.all([sees(bob, 'alice', x), sees(carol, 'alice', x), sees(alice, 'bob', 5), sees(carol, 'bob', 5)])
    const locations = await fetchLocations(server.url, 'failover')
    expect([...locations].map(([user, location]) => [user, location.x]).sort()).toEqual([
      ['alice', x],
      ['bob', 5],
      ['carol', 1],
    ])
    expect(left).toEqual([])
    expect(rooms.map(({ status }) => status)).toEqual(['live', 'live', 'live'])
  } finally {
    clearInterval(moving)
    await Promise.all(rooms.map(room => room.leave()))
    await server.stop()
    await store.stop()
  }
}, 90_000)
