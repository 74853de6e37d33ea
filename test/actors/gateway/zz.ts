import { openReal } from "#test/actors/gateway/kit.ts";
import net from "node:net"; import { fork } from "node:child_process";
if (process.argv[2]) { const u=new URL(process.argv[2]); const N=2**31; const t=performance.now(); const s=net.connect(Number(u.port),u.hostname); s.write(`PUT /put HTTP/1.1\r\nHost: ${u.host}\r\nContent-Length: ${N}\r\n\r\n`); const b=Buffer.alloc(1<<20); let n=0; const go=()=>{ while(n<N){ n+=b.length; if(!s.write(b)) {s.once('drain',go);return;} } }; go(); await new Promise(r=>s.once('data',r)); console.log('PUT', Math.round(N/(1<<20)/((performance.now()-t)/1000)),'MiB/s'); process.exit(); }
const g=await openReal();
const call=g.overlay.call.bind(g.overlay); (g.overlay as any).call=async(n:string,r:any,o:any)=>{ if(n!=='put') return call(n,r,o); const into=new Uint8Array(256*1024); while(await r.source.read(into)>0); return {ok:true,value:{address:'b3:'+'0'.repeat(64),manifest:'0'.repeat(64),sizeBytes:1,chunkCount:1,known:false}}; };
for(let i=0;i<2;i++) await new Promise<void>(r=>fork(import.meta.filename,[g.edge.url]).on('exit',()=>r()));
// slow readers 24 KiB/s, and a stopped one
const a=g.overlay.add(Buffer.alloc(40<<20)); const u=new URL(g.edge.url); const t0=performance.now();
const mk=(rate:number,name:string)=>{ const s=net.connect(Number(u.port),u.hostname); s.write(`GET /o/${a} HTTP/1.1\r\nHost: ${u.host}\r\n\r\n`); s.pause(); const t=setInterval(()=>{ if(rate) s.read(Math.min(rate/4, s.readableLength||1)); },250); s.on('error',e=>console.log(name,(e as any).code,Math.round(performance.now()-t0))); s.on('close',()=>{clearInterval(t); console.log(name,'closed',Math.round(performance.now()-t0));}); };
mk(24*1024,'24K'); mk(0,'stopped'); mk(4*1024,'4K');
setTimeout(()=>{console.log('end', g.edge.openRequestCount); process.exit();},75000);
