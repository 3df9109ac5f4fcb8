import { type BeforeApplicationShutdown, Controller, Get, Inject, Module } from '@nestjs/common'
import { type Colocate, createColocate, type RoomList } from 'colocate'

export const COLOCATE = Symbol('Colocate')

@Controller('who')
class WhoController {
  constructor(@Inject(COLOCATE) private readonly colocate: Colocate) {}

  /** In process, without HTTP. */
  @Get()
  list(): Promise<RoomList> {
    return this.colocate.locations('nest')
  }
}

@Module({
  controllers: [WhoController],
  providers: [{ provide: COLOCATE, useFactory: () => createColocate() }],
})
export class PresenceModule implements BeforeApplicationShutdown {
  constructor(@Inject(COLOCATE) private readonly colocate: Colocate) {}

  /** Nest waits for open connections after this hook, so the streams must end here. */
  beforeApplicationShutdown(): Promise<void> {
    return this.colocate.close()
  }
}
