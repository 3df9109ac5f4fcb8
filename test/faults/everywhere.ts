/**
 * The faults that every kind of Redis can have, and those of the instances on it.
 */
import { setTimeout } from 'node:timers/promises'
import { expect } from '@jest/globals'
import { byId } from '../support/client.ts'
import { Reader } from '../support/reader.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Fault } from './fault.ts'
import type { Replicated, Store } from './store.ts'
import { say, stepLocations } from './workload.ts'

/** Does something at each master at once. */
async function atMasters(store: Store, act: (master: Store['nodes'][number]) => unknown): Promise<void> {
  await Promise.all((await store.masters()).map(act))
}

const killPubSub = (store: Store) => atMasters(store, ({ admin }) => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))

/** All masters are killed and come back, with their files or without. */
async function restart(store: Store, isEmpty: boolean): Promise<void> {
  const masters = await store.masters()
  await Promise.all(masters.map(master => master.kill()))
  if (isEmpty) await Promise.all(masters.map(master => master.lose()))
  await Promise.all(masters.map(master => master.restart()))
  await store.answers()
}

export const everywhere: Fault[] = [
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
      say('dead subscriptions replaced', { ms: Math.round(performance.now() - start) })
    },
  },
  {
    name: 'instance stopped while Redis cuts its subscription',
    async inject(deployment, workload) {
      await deployment.stopOne(async () => {
        await killPubSub(deployment.store)
        await workload.go(100)
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
      await store.answers()
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
      await workload.go(100)
      await deployment.start()
      // Half of them to the new one.
      workload.comeBack()
    },
  },
  {
    name: 'history trimmed past a reader',
    isReset: true,
    env: { HISTORY_LENGTH: '50' },
    async inject(_, workload) {
      for (const reader of workload.readers) reader.drop()
      await workload.go(200)
      workload.comeBack()
    },
  },
]

/** A replica that lagged becomes the master: what it had not heard of was answered and is gone. */
export const stalePromotion: Fault<Replicated> = {
  name: 'stale replica promoted',
  isReset: true,
  async inject({ store, urls }, workload) {
    const [url = ''] = urls()
    // Someone reads what the replicas have, too, and is away when one of them becomes the master.
    const away = new Reader()
    away.open(url, workload.room)
    await away.until(() => away.segments.length === 1)
    const common = await workload.post('common')
    await away.until(() => byId(away.lastEventId, common) >= 0)
    away.drop()
    const master = await store.masterOf(workload.room)
    await inStep(master)
    master.proxy.swallow('replication', 'replies')
    await workload.go(stepLocations)
    await store.failOver(workload.room)
    away.lastEventId = common
    away.open(url, workload.room)
    await away.until(() => away.segments.length === 2)
    expect(away.resets).toBe(1)
    away.drop()
  },
}

/** Resolves once its replicas have what it has now. */
async function inStep({ admin }: Store['nodes'][number]): Promise<void> {
  const offsets = async (pattern: RegExp) =>
    [...(await admin.info('replication')).matchAll(pattern)].map(([, offset]) => Number(offset))
  const [mine = 0] = await offsets(/^master_repl_offset:(\d+)/gm)
  await waitFor('the replicas are in step', async () => {
    const theirs = await offsets(/^slave\d+:.*,offset=(\d+)/gm)
    return theirs.length > 0 && theirs.every(offset => offset >= mine)
  })
}
