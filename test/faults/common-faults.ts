/**
 * Faults that can occur with every kind of Redis, and faults of the instances.
 */
import { setTimeout } from 'node:timers/promises'
import { expect } from '@jest/globals'
import { byId } from '../support/client.ts'
import { Reader } from '../support/reader.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Fault } from './fault.ts'
import type { Replicated, Store } from './store.ts'
import { report, stepLocations } from './workload.ts'

/** Runs `act` on all masters at the same time. */
async function atMasters(store: Store, act: (master: Store['nodes'][number]) => unknown): Promise<void> {
  await Promise.all((await store.masters()).map(act))
}

const killPubSub = (store: Store) => atMasters(store, ({ admin }) => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))

/** Kills and restarts all masters. With `isEmpty`, they lose their files. */
async function restart(store: Store, isEmpty: boolean): Promise<void> {
  const masters = await store.masters()
  await Promise.all(masters.map(master => master.kill()))
  if (isEmpty) await Promise.all(masters.map(master => master.lose()))
  await Promise.all(masters.map(master => master.restart()))
  await store.untilAvailable()
}

export const commonFaults: Fault[] = [
  {
    name: 'Pub/Sub killed',
    inject: ({ store }) => killPubSub(store),
  },
  {
    name: 'command connection killed',
    inject: ({ store }) => atMasters(store, ({ admin }) => admin.call('CLIENT', 'KILL', 'TYPE', 'normal')),
  },
  {
    name: 'reply lost after the script ran',
    async inject({ store }, { room }) {
      const { proxy } = await store.masterOf(room)
      await proxy.cutReplyTo('\r\nwriter-0\r\n')
    },
  },
  {
    name: 'subscription connected but dead',
    isUnready: true,
    async inject({ store }, { room }) {
      const { proxy } = await store.masterOf(room)
      proxy.swallow('subscription', 'replies')
      const start = performance.now()
      await waitFor('no dead connection is left', () => !proxy.isSwallowing, { timeoutMs: 10_000 })
      report('dead subscriptions replaced', { ms: Math.round(performance.now() - start) })
    },
  },
  {
    name: 'instance stopped while Redis cuts its subscription',
    async inject(deployment, workload) {
      await deployment.suspendOne(async () => {
        await killPubSub(deployment.store)
        await workload.untilAcknowledged(100)
      })
    },
  },
  {
    name: 'Redis stopped 5 s',
    isUnready: true,
    async inject({ store }) {
      const masters = await store.masters()
      for (const master of masters) master.hang()
      await setTimeout(5_000)
      for (const master of masters) master.wake()
      await store.untilAvailable()
    },
  },
  {
    name: 'restarted with AOF',
    isUnready: true,
    inject: ({ store }) => restart(store, false),
  },
  {
    name: 'restarted empty',
    isUnready: true,
    isReset: true,
    inject: ({ store }) => restart(store, true),
  },
  {
    name: 'flushed',
    isReset: true,
    inject: ({ store }) => atMasters(store, ({ admin }) => admin.flushall()),
  },
  {
    name: 'instance killed',
    async inject(deployment, workload) {
      deployment.servers.shift()?.child.kill('SIGKILL')
      await workload.untilAcknowledged(100)
      await deployment.start()
      // Reconnects half of the readers to the new instance.
      workload.reconnect()
    },
  },
  {
    name: 'history trimmed past a reader',
    isReset: true,
    env: { HISTORY_LENGTH: '50' },
    async inject(_, workload) {
      for (const reader of workload.readers) reader.drop()
      await workload.untilAcknowledged(200)
      workload.reconnect()
    },
  },
]

/** A replica that lags behind becomes the master. Locations that it has not received are lost, although writers received 200. */
export const stalePromotion: Fault<Replicated> = {
  name: 'stale replica promoted',
  isReset: true,
  async inject({ store, urls }, workload) {
    const [url = ''] = urls()
    // This reader receives only events that the replicas have, and is disconnected when one of them becomes the master.
    const absent = new Reader()
    absent.open(url, workload.room)
    await absent.until(() => absent.segments.length === 1)
    const common = await workload.post('common')
    await absent.until(() => byId(absent.lastEventId, common) >= 0)
    absent.drop()
    const master = await store.masterOf(workload.room)
    await untilReplicated(master)
    master.proxy.swallow('replication', 'replies')
    await workload.untilAcknowledged(stepLocations)
    await store.failOver(workload.room)
    absent.lastEventId = common
    absent.open(url, workload.room)
    await absent.until(() => absent.segments.length === 2)
    expect(absent.resets).toBe(1)
    absent.drop()
  },
}

/** Resolves once the replicas have everything that the master has at the time of the call. */
async function untilReplicated({ admin }: Store['nodes'][number]): Promise<void> {
  const offsets = async (pattern: RegExp) =>
    [...(await admin.info('replication')).matchAll(pattern)].map(([, offset]) => Number(offset))
  const [mine = 0] = await offsets(/^master_repl_offset:(\d+)/gm)
  await waitFor('the replicas are in step', async () => {
    const theirs = await offsets(/^slave\d+:.*,offset=(\d+)/gm)
    return theirs.length > 0 && theirs.every(offset => offset >= mine)
  })
}
