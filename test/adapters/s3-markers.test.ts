import { PutObjectCommand } from '@aws-sdk/client-s3';
import { MemoryMetadataStore } from '../../runtime/adapters/memory/memory-metadata-store';
import { randomIds } from '../../runtime/adapters/random-ids';
import { systemClock } from '../../runtime/adapters/system-clock';
import { syncKeys } from '../../runtime/filesystem/index-sync';
import { at, makeFilesystem, names, viewOf } from '../support/filesystem';
import { makeBucket, openBucket } from './s3-fixture';
import { describeOn, moto, versitygw } from './s3-servers';

/** An object that stands for a folder, on servers of which one keeps folders and the other keys. */
describe.each([versitygw, moto])('the mark of a folder', (server) => {
  describeOn(server, (running) => {
    it('is seen, is not taken for a folder that only has files in it, and goes with the folder', async () => {
      const { name, client } = await makeBucket(running().endpoint);
      const { store, close } = await openBucket(running().endpoint, name, {
        profile: server === moto ? 'moto' : 'versitygw',
        keyPrefix: '',
      });
      const fs = { ...makeFilesystem({ metadata: new MemoryMetadataStore(), objects: store }, systemClock), ids: randomIds };
      fs.folders.attach(fs);
      const view = viewOf(fs);
      const place = (Key: string, content: string) => client.send(new PutObjectCommand({ Bucket: name, Key, Body: Buffer.from(content) }));
      await place('acme/marked/', '');
      await place('acme/plain/a', 'content');
      expect(await store.look('acme/plain/')).toBeUndefined();
      await syncKeys(fs, ['acme/marked/', 'acme/plain/', 'acme/plain/a']);
      expect(await names(view)).toEqual(['marked/', 'plain/']);
      await view.removeDirectory(at('/marked'));
      expect(await store.look('acme/marked/')).toBeUndefined();
      await view.deleteFile(at('/plain/a'));
      await syncKeys(fs, ['acme/marked/', 'acme/plain/']);
      expect(await names(view)).toEqual([]);
      close();
      client.destroy();
    });
  });
});
