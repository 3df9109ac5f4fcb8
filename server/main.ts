#!/usr/bin/env node
/**
 * The process: its commands, its environment, its signals, its end.
 */
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { type DestinationStream, pino } from 'pino'
import { createApp } from './app.ts'
import { doctor } from './cli/doctor/doctor.ts'
import { makeToken } from './cli/token.ts'
import { type Config, ConfigError, readConfig } from './config/config.ts'
import { closeServer, listen } from './http/http-server.ts'

/**
 * Streams live for hours and requests for milliseconds, and Node makes both by the same lines. After a wave of joins V8
 * would take it that all these lines make lives long, and keep each request until the next full collection.
 */
setFlagsFromString('--no-allocation-site-pretenuring')

/**
 * A write for each line would cost more than a reader's join; so lines wait for each other, a moment, and the last ones
 * are written at the exit.
 */
const logging = { sync: false, minLength: 4_096, periodicFlush: 1_000, maxLength: 1024 * 1024 }
/** How long a line waits for others; `periodicFlush`, if it came while others were being written. */
const lineMs = 100

/** How long the last lines may take to be written. */
const lastLinesMs = 500

/** How long the start waits for the store, and how often it checks. */
const storeMs = 2_000
const lookMs = 10

const usage = `Usage: colocate [serve]            run the server; its settings are environment variables
       colocate doctor <url>      say whether a stream gets through from there, and what is in the way
       colocate token [--sub …]   make a token for development, signed with AUTH_SECRET
`

async function main([command = 'serve', ...args]: string[]): Promise<void> {
  if (['help', '--help', '-h'].includes(command)) return void process.stdout.write(usage)
  if (command === 'doctor') {
    process.exitCode = await doctor(args, process.stdout, process.stderr)
    return
  }
  const config = readConfig(process.env)
  if (command === 'serve') await serve(config)
  else if (command === 'token') process.stdout.write(`${await makeToken(args, config.auth)}\n`)
  else throw new Error(`there is no command "${command}"; there are serve, doctor and token`)
}

async function serve(config: Config): Promise<void> {
  const lines = pino.destination(logging)
  const log = pino({ level: config.logLevel, base: null }, flushed(lines))
  // From its source it serves the page that was built beside it.
  const webDir = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../dist/web' : '../web', import.meta.url))
  const app = createApp(config, log, webDir)
  // A client that connects as soon as the server listens should not find the store away. But if it is away, only a server
  // that listens can say so.
  for (let waited = 0; app.unavailableReason() && waited < storeMs; waited += lookMs) await setTimeout(lookMs)
  if (config.adminPort !== undefined) {
    const { address } = await listen(app.adminHandler, { ...config, port: config.adminPort }, log)
    log.info({ port: address.port }, 'metrics')
  }
  const { server, address } = await listen(app.handler, config, log)

  let isEnding = false
  const close = async () => {
    await app.close()
    closeServer(server)
  }
  const exit = (code: number) => {
    // Or else the last lines are written at the exit, where one that nobody reads any more is tried for ever.
    lines.destroy()
    process.exit(code)
  }
  const finish = async () => {
    const code = await close().then(
      () => {
        log.info('ended')
        return 0
      },
      error => {
        log.error({ err: error }, 'could not end cleanly')
        return 1
      },
    )
    // Whoever has a word to say after this is too late.
    log.level = 'silent'
    lines.on('close', () => exit(code))
    lines.end()
    void setTimeout(lastLinesMs).then(() => exit(code))
  }
  const end = (signal: NodeJS.Signals) => {
    if (isEnding) exit(1)
    isEnding = true
    log.info({ signal }, 'draining')
    void finish()
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  // Said last: whoever reads it may send a signal.
  log.info({ host: address.address, port: address.port, store: config.redis?.kind ?? 'memory' }, 'listening')
}

/** Lines are written soon. A shorter period would do that, too, and wake an idle process at each. */
function flushed(lines: ReturnType<typeof pino.destination>): DestinationStream {
  let isDue = false
  const flush = () => {
    isDue = false
    try {
      lines.flush()
    } catch {
      // It is closed, and all is written.
    }
  }
  return {
    write(line) {
      lines.write(line)
      if (!isDue) void setTimeout(lineMs).then(flush)
      isDue = true
    },
  }
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : `colocate: ${error.message}`}\n`)
  process.exit(1)
})
