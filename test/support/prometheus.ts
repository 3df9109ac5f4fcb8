/**
 * A real Prometheus with the alert rules of `docs/operations/alerts.yml`. It scrapes every second, and alerts fire after three
 * seconds at the latest, so that a test need not wait for minutes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './ports.ts'
import { waitFor } from './wait-for.ts'

export interface TestPrometheus {
  /** The names of the alerts that fire for each instance, without repetitions. */
  firing(): Promise<Map<string, string[]>>
  /** How many times an instance was scraped. */
  scrapes(instance: string): Promise<number>
  stop(): Promise<void>
}

interface Alert {
  state: string
  labels: { alertname: string; instance: string }
}

/** `targets` are ports of loopback, by the name of the instance. */
export async function startPrometheus(targets: Map<string, number>): Promise<TestPrometheus> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'colocate-prometheus-'))
  const rules = await readFile(new URL('../../docs/operations/alerts.yml', import.meta.url), 'utf8')
  await writeFile(join(dir, 'alerts.yml'), rules.replaceAll(/for: \d+[sm]/g, 'for: 3s'))
  await writeFile(join(dir, 'prometheus.yml'), JSON.stringify(configuration(targets)))
  const args = ['--config.file', join(dir, 'prometheus.yml'), '--storage.tsdb.path', join(dir, 'data')]
  const child = spawn('prometheus', [...args, '--web.listen-address', `127.0.0.1:${port}`], {
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  const get = async (path: string) => (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()).data
  await waitFor('Prometheus is ready', async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok)
  return {
    async firing() {
      const { alerts }: { alerts: Alert[] } = await get('/api/v1/alerts')
      const names = new Map<string, string[]>()
      for (const { state, labels } of alerts) {
        const known = names.get(labels.instance) ?? []
        if (state === 'firing' && !known.includes(labels.alertname))
          names.set(labels.instance, [...known, labels.alertname].sort())
      }
      return names
    },
    async scrapes(instance) {
      const query = `count_over_time(colocate_ready{instance="${instance}"}[1h])`
      const { result } = await get(`/api/v1/query?query=${encodeURIComponent(query)}`)
      return Number(result[0]?.value[1] ?? 0)
    },
    async stop() {
      await end(child)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function configuration(targets: Map<string, number>): object {
  const configs = [...targets].map(([instance, port]) => ({ targets: [`127.0.0.1:${port}`], labels: { instance } }))
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['alerts.yml'],
    scrape_configs: [{ job_name: 'colocate', static_configs: configs }],
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
