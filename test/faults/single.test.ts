/**
 * Faults of one Redis and its connections, while 3 writers write and 6 readers read at two instances.
 */
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { until } from '../support/patience.ts'
import { Crowd, roundsOf, say, stepLocations } from './crowd.ts'
import { answers, type Scene, startScene } from './scene.ts'

interface Fault {
  name: string
  rounds: number
  /** Resolves once it is over. */
  inject(scene: Scene, crowd: Crowd): Promise<unknown>
  /** Whether something that was answered may be gone: then every reader must be told, each time. */
  isReset?: boolean
}

const limitMs = 1_800_000
/** How long it took until a dead subscription was replaced. */
const healMs: number[] = []

function faults(scene: () => Scene, all: Fault[]): void {
  test.each(all)(
    '$name',
    async ({ name, rounds, inject, isReset = false }) => {
      const crowd = new Crowd(scene())
      await crowd.gather()
      for (let round = 1; round <= rounds; round++) {
        await crowd.go(stepLocations)
        const before = crowd.readers.map(({ resets }) => resets)
        await inject(scene(), crowd)
        await crowd.catchUp()
        const after = crowd.readers.map(({ resets }) => resets)
        expect(after.map((resets, i) => resets > (before[i] ?? 0))).toEqual(after.map(() => isReset))
      }
      await crowd.judge(name, rounds)
    },
    limitMs,
  )
}

describe('a Redis whose connections break', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene()
  }, 60_000)
  afterAll(async () => {
    if (healMs.length > 0) say('dead subscriptions replaced', { rounds: healMs.length, maxMs: Math.max(...healMs) })
    await scene?.stop()
  })

  faults(
    () => scene,
    [
      {
        name: 'Pub/Sub killed',
        rounds: roundsOf(3),
        inject: ({ admin }) => admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      },
      {
        name: 'command connection killed',
        rounds: roundsOf(3),
        inject: ({ admin }) => admin.call('CLIENT', 'KILL', 'TYPE', 'normal'),
      },
      {
        name: 'reply lost after the script ran',
        rounds: roundsOf(3),
        inject: ({ proxy }) => proxy.cutReplyTo('\r\nwriter-0\r\n'),
      },
      {
        name: 'subscription connected but dead',
        rounds: roundsOf(1),
        async inject({ proxy }, crowd) {
          proxy.swallow('subscription', 'replies')
          const start = performance.now()
          await crowd.go(100)
          await until('no dead connection is left', () => !proxy.isSwallowing)
          healMs.push(performance.now() - start)
          expect(healMs.at(-1)).toBeLessThan(10_000)
        },
      },
      {
        name: 'instance stopped while Redis cuts its subscription',
        rounds: roundsOf(2),
        async inject(scene, crowd) {
          await scene.stopOne(async () => {
            await scene.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
            await crowd.go(100)
          })
        },
      },
      {
        name: 'Redis stopped 5 s',
        rounds: roundsOf(1),
        async inject({ redis }) {
          redis.child.kill('SIGSTOP')
          await setTimeout(5_000)
          redis.child.kill('SIGCONT')
        },
      },
      {
        name: 'flushed',
        rounds: roundsOf(2),
        isReset: true,
        inject: ({ admin }) => admin.flushall(),
      },
      {
        name: 'restarted empty',
        rounds: roundsOf(2),
        isReset: true,
        async inject({ redis, admin }) {
          await redis.kill()
          await redis.restart()
          await answers(admin)
        },
      },
      {
        name: 'instance killed',
        rounds: roundsOf(2),
        async inject(scene, crowd) {
          scene.servers.shift()?.child.kill('SIGKILL')
          await crowd.go(100)
          await scene.start()
          // Half of them to the new one.
          crowd.comeBack()
        },
      },
    ],
  )
})

describe('a Redis that writes its append-only file', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene(['--appendonly', 'yes', '--appendfsync', 'always'])
  }, 60_000)
  afterAll(() => scene?.stop())

  faults(
    () => scene,
    [
      {
        name: 'restarted with AOF',
        rounds: roundsOf(2),
        async inject({ redis, admin }) {
          await redis.kill()
          await redis.restart()
          await answers(admin)
        },
      },
    ],
  )
})

describe('a history that is short', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene([], { HISTORY_LENGTH: '50' })
  }, 60_000)
  afterAll(() => scene?.stop())

  faults(
    () => scene,
    [
      {
        name: 'history trimmed past a reader',
        rounds: roundsOf(3),
        isReset: true,
        async inject(_, crowd) {
          for (const reader of crowd.readers) reader.drop()
          await crowd.go(200)
          crowd.comeBack()
        },
      },
    ],
  )
})
