/**
 * What a fault is, and what is expected of the server at each: in a room that is in use nothing is lost in silence, and
 * everybody has caught up soon after.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { untilReady } from '../support/rooms.ts'
import { waitFor } from '../support/wait-for.ts'
import { Deployment } from './deployment.ts'
import type { Store } from './store.ts'
import { rounds, stepLocations, Workload } from './workload.ts'

export interface Fault<S extends Store = Store> {
  name: string
  /** Resolves once it is over. */
  inject(deployment: Deployment<S>, workload: Workload): Promise<unknown>
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
  let common: Deployment<S>
  beforeAll(async () => {
    store = await start()
    common = await Deployment.start(store)
  }, 90_000)
  afterAll(async () => {
    await common?.stop()
    await store?.stop()
  })

  test.each(faults)(
    '$name',
    async fault => {
      const deployment = fault.env ? await Deployment.start(store, fault.env) : common
      try {
        await run(`${fault.name} (${kind})`, fault, deployment)
      } finally {
        if (deployment !== common) await deployment.stop()
      }
    },
    limitMs,
  )
}

async function run<S extends Store>(name: string, fault: Fault<S>, deployment: Deployment<S>): Promise<void> {
  const { isReset = false, isUnready = false } = fault
  const workload = new Workload(deployment)
  try {
    await workload.gather()
    for (let round = 1; round <= rounds; round++) {
      await workload.go(stepLocations)
      if (isUnready)
        expect(await deployment.unreadyDuring(() => suffer(fault, deployment, workload))).toEqual(deployment.urls())
      else await suffer(fault, deployment, workload)
      await deployment.store.mend()
    }
    const { resets } = await workload.judge(name, rounds)
    if (!isReset) expect(resets).toBe(0)
  } finally {
    workload.leave()
  }
}

/** Resolves once everybody has caught up, and every instance is ready. */
async function suffer<S extends Store>(fault: Fault<S>, deployment: Deployment<S>, workload: Workload): Promise<void> {
  const { inject, isReset = false } = fault
  const before = workload.readers.map(({ resets }) => resets)
  const told = () => workload.readers.map(({ resets }, i) => resets > (before[i] ?? 0))
  const isTold = () => !told().includes(false)
  await inject(deployment, workload)
  const start = performance.now()
  const telling = async () => {
    await waitFor('every reader was told', isTold, { timeoutMs: resetWithinMs })
    workload.toldMs.push(performance.now() - start)
  }
  await Promise.all([workload.catchUp(), isReset && telling()])
  expect(told()).toEqual(workload.readers.map(() => isReset))
  for (const server of deployment.servers) await untilReady(server, true)
}
