import 'reflect-metadata'
import { fileURLToPath } from 'node:url'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { Colocate } from 'colocate'
import { COLOCATE, PresenceModule } from './presence.module.js'

const app = await NestFactory.create<NestExpressApplication>(PresenceModule, { logger: ['error', 'warn'] })
app.enableShutdownHooks()
app.use('/presence', app.get<Colocate>(COLOCATE).handler)
app.useStaticAssets(fileURLToPath(new URL('../public', import.meta.url)))
app.useStaticAssets(fileURLToPath(new URL('.', import.meta.resolve('@colocate/client'))), { prefix: '/client' })
await app.listen(process.env.PORT ?? '8080', '127.0.0.1')
console.log(await app.getUrl())
