/**
 * Defines a fault and the expectations for each one: in a busy room, no event is lost without a reset, and every reader
 * catches up soon after the fault.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { untilReady } from '../support/rooms.ts'
import { waitFor } from '../support/wait-for.ts'
import { Deployment } from './deployment.ts'
import type { Store } from './store.ts'
import { rounds, stepLocations, Workload } from './workload.ts'

export interface Fault<S extends Store = Store> {
  name: string
  /** Causes the fault. Resolves once it is over. */
  inject(deployment: Deployment<S>, workload: Workload): Promise<unknown>
  /** Whether the fault may lose acknowledged events. If so, every reader must receive a reset after each injection. */
  isReset?: boolean
  /** Whether the fault makes every instance unavailable. If so, each must report that it is not ready, and later that it is. */
  isUnready?: boolean
  /** Settings for separate instances that are started only for this fault. */
  env?: Record<string, string>
}

const limitMs = 1_800_000
/** The limit for every reader to receive a reset, counted from when Redis responds again. */
const resetWithinMs = 5_000

/** Defines a test for each fault. All tests share one store. */
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
    'readers recover from the fault: $name',
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
    await workload.start()
    for (let round = 1; round <= rounds; round++) {
      await workload.untilAcknowledged(stepLocations)
      if (isUnready)
        expect(await deployment.unreadyDuring(() => injectAndRecover(fault, deployment, workload))).toEqual(
          deployment.urls(),
        )
      else await injectAndRecover(fault, deployment, workload)
      await deployment.store.repair()
    }
    const { resets } = await workload.finish(name, rounds)
    if (!isReset) expect(resets).toBe(0)
  } finally {
    workload.stop()
  }
}

/** Injects the fault. Resolves once every reader has caught up and every instance is ready. */
async function injectAndRecover<S extends Store>(
  fault: Fault<S>,
  deployment: Deployment<S>,
  workload: Workload,
): Promise<void> {
  const { inject, isReset = false } = fault
  const before = workload.readers.map(({ resets }) => resets)
  const hasReset = () => workload.readers.map(({ resets }, i) => resets > (before[i] ?? 0))
  const haveAllReset = () => !hasReset().includes(false)
  await inject(deployment, workload)
  const start = performance.now()
  const untilReset = async () => {
    await waitFor('every reader has received a reset', haveAllReset, { timeoutMs: resetWithinMs })
    workload.resetMs.push(performance.now() - start)
  }
  await Promise.all([workload.catchUp(), isReset && untilReset()])
  expect(hasReset()).toEqual(workload.readers.map(() => isReset))
  for (const server of deployment.servers) await untilReady(server, true)
}
