"""The look of the report page: one style sheet and the few lines that tie the player to the waveform."""

from __future__ import annotations

from typing import Final

CSS: Final = """
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5d6878;--line:#e2e6ec;--caller:#0f8a7e;
--caller-bg:#e3f5f2;--bot:#4a55c8;--bot-bg:#e9ebfb;--good:#187a44;--good-bg:#e2f5ea;--bad:#b3261e;--bad-bg:#fdeceb;
--mark:#b06a00;--mark-bg:#fff3dc}
@media (prefers-color-scheme:dark){:root{--bg:#12161d;--card:#1a202a;--ink:#e7ebf1;--soft:#97a3b4;--line:#2c3542;
--caller:#4fd1c1;--caller-bg:#143733;--bot:#98a2ff;--bot-bg:#252a52;--good:#6fdc9c;--good-bg:#143524;--bad:#ff938a;
--bad-bg:#46201e;--mark:#ffc466;--mark-bg:#42310f}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main,header{max-width:1180px;margin:0 auto;padding:0 24px}
header{padding-top:36px}
h1{font-size:26px;margin:0;letter-spacing:-.01em}
.when{color:var(--soft);margin:2px 0 20px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin-bottom:22px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px}
.tile b{display:block;font-size:24px;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
.tile.bad b{color:var(--bad)}.tile.good b{color:var(--good)}
details.call{background:var(--card);border:1px solid var(--line);border-radius:14px;margin:0 0 12px;overflow:hidden}
details.call[open]{box-shadow:0 2px 14px rgb(20 30 50/.07)}
summary{cursor:pointer;padding:13px 18px;display:flex;gap:14px;align-items:center;list-style:none}
summary::-webkit-details-marker{display:none}
summary:focus-visible{outline:2px solid var(--bot);outline-offset:-2px;border-radius:14px}
.name{font-weight:600;flex:1;min-width:0}
.name small{display:block;font-weight:400;color:var(--soft);overflow:hidden;text-overflow:ellipsis}
.figure{color:var(--soft);font-size:13px;font-variant-numeric:tabular-nums;white-space:nowrap}
.chip{border-radius:99px;padding:2px 11px;font-size:13px;font-weight:600}
.chip.good{background:var(--good-bg);color:var(--good)}.chip.bad{background:var(--bad-bg);color:var(--bad)}
.inside{padding:0 18px 18px}
.failures{background:var(--bad-bg);color:var(--bad);border-radius:10px;padding:10px 14px 10px 32px;margin:0 0 14px}
h3{font-size:12px;text-transform:uppercase;letter-spacing:.07em;color:var(--soft);margin:18px 0 8px;font-weight:600}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px;padding-bottom:4px}
.time{position:relative;cursor:crosshair}
.time svg{display:block}
.head{position:absolute;top:0;bottom:0;width:2px;background:var(--bad);left:0;pointer-events:none;display:none}
.words{position:relative}
.says{position:absolute;font-size:12px;line-height:1.35;border-radius:7px;padding:4px 7px;overflow-wrap:anywhere}
.says b{font-weight:600;font-size:11px;display:block;opacity:.75;font-variant-numeric:tabular-nums}
.says.caller{background:var(--caller-bg);border-left:3px solid var(--caller)}
.says.bot{background:var(--bot-bg);border-left:3px solid var(--bot)}
.wave.caller{stroke:var(--caller)}.wave.bot{stroke:var(--bot)}
.wave{stroke-width:2.2;stroke-linecap:round;fill:none}
.axis{stroke:var(--line)}.tick{fill:var(--soft);font-size:10.5px}
.lane{fill:var(--soft);font-size:11px;font-weight:600}
.mark{stroke:var(--mark);fill:none;stroke-width:1.6}.marktext{fill:var(--mark);font-size:11px;font-weight:600}
.stop{stroke:var(--bad)}.stoptext{fill:var(--bad)}
audio{width:100%;margin-top:10px;height:38px}
.ladder{overflow-x:auto}
.ladder text{fill:var(--ink);font-size:12px}
.ladder .t{fill:var(--soft);font-size:11px;font-variant-numeric:tabular-nums}
.ladder .life{stroke:var(--line);stroke-width:2}.ladder .sent{stroke:var(--caller)}.ladder .got{stroke:var(--bot)}
.ladder .sent,.ladder .got{stroke-width:1.5}.ladder .who{font-weight:600}
.ladder .sentf{fill:var(--caller)}.ladder .gotf{fill:var(--bot)}
.facts{color:var(--soft);font-size:13px;margin:14px 0 0}.facts a{color:var(--bot)}
.figures{display:flex;flex-wrap:wrap;gap:6px}
.figures span{background:var(--mark-bg);color:var(--mark);border-radius:6px;padding:1px 8px;font-size:12.5px}
.figures span.cut{background:var(--bad-bg);color:var(--bad)}
footer{max-width:1180px;margin:20px auto;padding:0 24px 30px;color:var(--soft);font-size:13px}
@media (max-width:640px){main,header{padding-left:12px;padding-right:12px}.figure{display:none}}
@media print{details.call{break-inside:avoid}audio{display:none}}
"""

SCRIPT: Final = """
for(const call of document.querySelectorAll('details.call')){
  const audio=call.querySelector('audio'),time=call.querySelector('.time'),head=call.querySelector('.head');
  if(!audio||!time)continue;
  const scale=Number(time.dataset.scale),box=time.parentElement;
  const follow=()=>{const x=audio.currentTime*scale;head.style.display='block';head.style.left=x+'px';
    if(x<box.scrollLeft||x>box.scrollLeft+box.clientWidth-60)box.scrollLeft=Math.max(0,x-80);
    if(!audio.paused)requestAnimationFrame(follow)};
  audio.addEventListener('play',()=>requestAnimationFrame(follow));
  audio.addEventListener('seeked',follow);
  time.addEventListener('click',e=>{audio.currentTime=(e.clientX-time.getBoundingClientRect().left)/scale});
}
"""
