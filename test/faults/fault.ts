/**
 * What a fault is, and what is expected of the server at each: in a room that is in use nothing is lost in silence, and
 * everybody has caught up soon after.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { until } from '../support/patience.ts'
import { untilReady } from '../support/rooms.ts'
import { Crowd, rounds, stepLocations } from './crowd.ts'
import { Scene } from './scene.ts'
import type { Store } from './store.ts'

export interface Fault<S extends Store = Store> {
  name: string
  /** Resolves once it is over. */
  inject(scene: Scene<S>, crowd: Crowd): Promise<unknown>
  /** Whether something that was answered may be gone: then every reader must be told, each time. */
  isReset?: boolean
  /** Whether no instance can serve meanwhile: then each must say so, and take it back. */
  isUnready?: boolean
  /** Settings of instances that are there for this fault alone. */
  env?: Record<string, string>
}

const limitMs = 1_800_000
/** From when Redis answers again. */
const resetWithinMs = 5_000

/** A test for each fault, in one store. */
export function testFaults<S extends Store>(kind: string, start: () => Promise<S>, faults: Fault<S>[]): void {
  let store: S
  let common: Scene<S>
  beforeAll(async () => {
    store = await start()
    common = await Scene.start(store)
  }, 90_000)
  afterAll(async () => {
    await common?.stop()
    await store?.stop()
  })

  test.each(faults)(
    '$name',
    async fault => {
      const scene = fault.env ? await Scene.start(store, fault.env) : common
      try {
        await run(`${fault.name} (${kind})`, fault, scene)
      } finally {
        if (scene !== common) await scene.stop()
      }
    },
    limitMs,
  )
}

async function run<S extends Store>(name: string, fault: Fault<S>, scene: Scene<S>): Promise<void> {
  const { isReset = false, isUnready = false } = fault
  const crowd = new Crowd(scene)
  try {
    await crowd.gather()
    for (let round = 1; round <= rounds; round++) {
      await crowd.go(stepLocations)
      if (isUnready) expect(await scene.unreadyDuring(() => suffer(fault, scene, crowd))).toEqual(scene.urls())
      else await suffer(fault, scene, crowd)
      await scene.store.mend()
    }
    const { resets } = await crowd.judge(name, rounds)
    if (!isReset) expect(resets).toBe(0)
  } finally {
    crowd.leave()
  }
}

/** Resolves once everybody has caught up, and every instance is ready. */
async function suffer<S extends Store>(fault: Fault<S>, scene: Scene<S>, crowd: Crowd): Promise<void> {
  const { inject, isReset = false } = fault
  const before = crowd.readers.map(({ resets }) => resets)
  const told = () => crowd.readers.map(({ resets }, i) => resets > (before[i] ?? 0))
  const isTold = () => !told().includes(false)
  await inject(scene, crowd)
  const start = performance.now()
  const telling = async () => {
    await until('every reader was told', isTold, { patienceMs: resetWithinMs })
    crowd.toldMs.push(performance.now() - start)
  }
  await Promise.all([crowd.catchUp(), isReset && telling()])
  expect(told()).toEqual(crowd.readers.map(() => isReset))
  for (const server of scene.servers) await untilReady(server, true)
}
