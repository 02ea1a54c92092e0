use form_engine::{Functions, XmlExpression};
use record_model::{Instant, Visit};
use serde_json::Value as J;
fn num(v:&J)->f64{match v{J::String(s)=>s.parse().unwrap_or(f64::NAN),o=>o.as_f64().unwrap_or(f64::NAN)}}
fn main(){
  let file=std::env::args().nth(1).unwrap(); let tol=file.contains("javarosa");
  let text=std::fs::read_to_string(&file).unwrap();
  let (mut ok,mut bad,mut skip)=(0,0,0);
  for l in text.lines(){ let v:J=serde_json::from_str(l).unwrap();
    if v["contradicted"]==true{skip+=1;continue}
    let off= if v["tz"]=="UTC"{0}else{-420};
    let visit=Visit{at:Instant::from_unix_ms(1_795_320_600_000),utc_offset_minutes:off};
    let f= if tol{Functions::Collect}else if v["odk"]==true{Functions::Odk}else{Functions::Plain};
    let r=std::panic::catch_unwind(||XmlExpression::evaluate(v["context_xml"].as_str().unwrap(),v["context_node"].as_str().unwrap(),v["expr"].as_str().unwrap(),visit,f)).unwrap_or_else(|_|Err("PANIC".into()));
    let same=|a:f64,b:f64|(a.is_nan()&&b.is_nan())||a==b||(tol&&(a-b).abs()<1e-12);
    let e=&v["expected"];
    let good=match (&r,v["type"].as_str().unwrap()){
      (Err(_),"error")=>true,(Ok(_),"error")|(Err(_),_)=>false,
      (Ok(x),"boolean")=>x.boolean()==e.as_bool().unwrap(),
      (Ok(x),"number")=>same(x.number(),num(e)),
      (Ok(x),"number-rounded")=>{let f=v["factor"].as_f64().unwrap_or(1.0);same((x.number()*f).round()/f,num(e))},
      (Ok(x),"string-length")=>x.text().encode_utf16().count() as f64==num(e),
      (Ok(x),"string-match")=>{let p=e.as_str().unwrap();let p=&p[1..p.rfind('/').unwrap()];regex::Regex::new(p).unwrap().is_match(&x.text())},
      (Ok(x),"nodeset")=>x.nodes().map(|n|n.iter().map(|s|J::from(s.as_str())).collect::<Vec<_>>())==e.as_array().cloned(),
      (Ok(x),"nodeset-unordered")=>{let mut a=x.nodes().unwrap_or_default();a.sort();let mut b:Vec<String>=e.as_array().unwrap().iter().map(|s|s.as_str().unwrap().to_owned()).collect();b.sort();a==b},
      (Ok(x),_)=>Some(x.text().as_str())==e.as_str(),
    };
    if good{ok+=1}else if v["volatile"]==true&&r.is_ok(){skip+=1}else{bad+=1;println!("{} {} {} [{}] => {:?} expected {} ctx {}",v["id"],v["type"],v["expr"],v["context_node"],r.as_ref().map(|x|(x.boolean(),x.number(),x.text().chars().take(60).collect::<String>(),x.nodes())),e,v["odk"])}
  }
  println!("{ok} ok {bad} bad {skip} skip");
}
